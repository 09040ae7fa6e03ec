# Completes isi_net in fish 3 or newer.

function _isi_net_completion
    set -l line (commandline -cp | string collect)
    set -l before (string match -r -- '^--[^=]*=' (commandline -ct))
    for answer in (env _ISI_NET_COMPLETE=fish_complete _ISI_NET_LINE=$line isi_net 2>/dev/null)
        set -l item (string split -m 1 , -- $answer)
        set -l typed (string replace -- "$before" '' $item[2])
        switch $item[1]
            case plain
                printf '%s\n' $item[2]
            case file
                for path in (__fish_complete_path $typed)
                    printf '%s\n' "$before$path"
                end
            case dir
                for path in (__fish_complete_directories $typed)
                    printf '%s\n' "$before$path"
                end
        end
    end
end

complete --command isi_net --no-files --keep-order --arguments '(_isi_net_completion)'
