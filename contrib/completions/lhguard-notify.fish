# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for lhguard-notify.

function __lhguard_notify_muted
    command lhguard-notify --muted 2>/dev/null | string match -r '^[0-9]+ .*' | string replace ' ' \t
    printf 'all\teverything\n'
end

complete -c lhguard-notify -f
complete -c lhguard-notify -l socket -r -F -d 'control socket of the guard'
complete -c lhguard-notify -l config -r -F -d settings
complete -c lhguard-notify -l state-dir -x -a '(__fish_complete_directories)' -d 'where the mute list is kept'
complete -c lhguard-notify -l test -d 'show a sample alert'
complete -c lhguard-notify -l muted -d 'list what no alerts are shown about'
complete -c lhguard-notify -l unmute -x -a '(__lhguard_notify_muted)' -d 'show alerts about it again'
complete -c lhguard-notify -l details -d 'open the text that Open opened last'
complete -c lhguard-notify -l version -d 'the version of this program'
complete -c lhguard-notify -l help -d 'a summary of the options'
