"""How bash, zsh and fish ask for completions, and how they are answered: loaded only when one asks.

    _ISI_NET_COMPLETE=bash_source isi_net > completions/isi_net.bash

makes a shell's script, and so on for each of SHELLS; the scripts ask again with `bash_complete`.  click
brings scripts of its own.  Ours differ where those stop short of what is typed here: ids with a `:` and
values behind a `=`, a cursor in the middle of a line, and silence whatever happens.

A script passes the line up to the cursor, as it was typed, in _ISI_NET_LINE.  It gets back what each
candidate is (`plain`, or `file` and `dir`, which the shell finds by itself), the whole word, and its help.
"""

import contextlib
import os

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from isi_net.cli import exits
from isi_net.errors import Error

VARIABLE = "_ISI_NET_COMPLETE"
LINE = "_ISI_NET_LINE"

# No word of a command line can hold it, so it marks where the cursor is.
_CURSOR = "\0"


class _Shell(ShellComplete):
    """What all three have in common."""

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ.get(LINE, "") + _CURSOR)
        return words[1:-1], words[-1].removesuffix(_CURSOR)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Whole words: behind `--format=` stands `--format=json` and not `json`."""
        option, equals, _ = incomplete.partition("=")
        found = super().get_completions(args, incomplete)
        if equals and option.startswith("--"):
            for one in found:
                one.value = option + equals + one.value
        return found

    def complete(self) -> str:
        """A whole line for each candidate, and not even an empty one for none."""
        args, incomplete = self.get_completion_args()
        return "".join(f"{self.format_completion(one)}\n" for one in self.get_completions(args, incomplete))


class Bash(_Shell):
    """bash 4.4 or newer."""

    name = "bash"
    # readline replaces only what is behind the last `=` or `:`, which is $2: what stands before is cut off.
    source_template = """\
# Completes isi_net in bash 4.4 or newer.

%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} kind value
    local word=${line##*[[:space:]]} before=
    [[ $word == *"$2" ]] && before=${word%%"$2"}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("${value#"$before"}") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(env %(complete_var)s=bash_complete _ISI_NET_LINE="$line" "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value}"


class Zsh(_Shell):
    """zsh, through its completion system: from a directory of its `fpath`, or sourced."""

    name = "zsh"
    # The function has the file's name, and takes the place of the stub that loads the file.
    source_template = """\
#compdef %(prog_name)s

_%(prog_name)s() {
    local kind value help
    local -a plain helped
    local line="${words[1,CURRENT-1]} $PREFIX"
    local answer="$(env %(complete_var)s=zsh_complete _ISI_NET_LINE="$line" "${(Q)words[1]}" 2>/dev/null)"
    for kind value help in "${(@f)answer}"; do
        case $kind in
            plain)
                if [[ $help == _ ]]; then
                    plain+=("$value")
                else
                    helped+=("${value//:/\\\\:}:$help")
                fi ;;
            file) compset -P 1 '--*='; _files ;;
            dir) compset -P 1 '--*='; _files -/ ;;
        esac
    done
    (( $#plain )) && compadd -V unsorted -a plain
    (( $#helped )) && _describe -V %(prog_name)s helped
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _%(prog_name)s "$@"
else
    compdef _%(prog_name)s %(prog_name)s
fi
"""

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type}\n{item.value}\n{item.help or '_'}"


class Fish(_Shell):
    """fish 3 or newer."""

    name = "fish"
    source_template = """\
# Completes %(prog_name)s in fish 3 or newer.

function %(complete_func)s
    set -l line (commandline -cp | string collect)
    set -l before (string match -r -- '^--[^=]*=' (commandline -ct))
    for answer in (env %(complete_var)s=fish_complete _ISI_NET_LINE=$line %(prog_name)s 2>/dev/null)
        set -l item (string split -m 1 , -- $answer)
        set -l typed (string replace -- "$before" '' $item[2])
        switch $item[1]
            case plain
                printf '%%s\\n' $item[2]
            case file
                for path in (__fish_complete_path $typed)
                    printf '%%s\\n' "$before$path"
                end
            case dir
                for path in (__fish_complete_directories $typed)
                    printf '%%s\\n' "$before$path"
                end
        end
    end
end

complete --command %(prog_name)s --no-files --keep-order --arguments '(%(complete_func)s)'
"""

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value}" + (f"\t{item.help}" if item.help else "")


SHELLS: dict[str, type[_Shell]] = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def answer(command: click.Command, program: str, instruction: str) -> int:
    """Prints what `instruction` asks for (`bash_source`, `bash_complete` …), and gives back the exit status.

    A line that no command understands has no completions, and that is no error.
    """
    name, _, what = instruction.partition("_")
    if name not in SHELLS or what not in ("source", "complete"):
        return exits.USAGE
    shell = SHELLS[name](command, {}, program, VARIABLE)
    with contextlib.suppress(click.ClickException, Error, OSError):
        text = shell.source() if what == "source" else shell.complete()
        # What was typed may be no text in this locale, and comes back as it was.
        click.echo(text.encode(errors="surrogateescape"), nl=False)
    return exits.DONE
