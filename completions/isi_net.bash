# Completes isi_net in bash 4.4 or newer.

_isi_net_completion() {
    local line=${COMP_LINE:0:COMP_POINT} kind value
    local word=${line##*[[:space:]]} before=
    [[ $word == *"$2" ]] && before=${word%"$2"}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("${value#"$before"}") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(env _ISI_NET_COMPLETE=bash_complete _ISI_NET_LINE="$line" "$1" 2>/dev/null)
}

complete -o nosort -F _isi_net_completion isi_net
