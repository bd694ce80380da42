# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for lhguard. What can be written is asked of lhguard itself.

function __lhguard_offers
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l plain (string unescape -- "$word" 2>/dev/null; or string replace -r '^[\'"]' '' -- "$word")
    set -l offers (command $words[1] __complete -- $words[2..-1] "$plain" 2>/dev/null)
    if test "$offers[1]" = :files
        __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$word")
    else
        printf '%s\n' $offers
    end
end

complete -c lhguard -k -f -a '(__lhguard_offers)'
