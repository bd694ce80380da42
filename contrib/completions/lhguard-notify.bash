# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for lhguard-notify.

_lhguard_notify() {
	local word=${COMP_WORDS[COMP_CWORD]}

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--socket | --config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	--state-dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		;;
	--unmute)
		mapfile -t COMPREPLY < <(compgen -W "all $(command "${COMP_WORDS[0]}" --muted 2>/dev/null |
			sed -n 's/^\([0-9][0-9]*\) .*/\1/p')" -- "$word")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--socket --config --state-dir --test --muted --unmute --details
			--version --help' -- "$word")
		;;
	esac
}

complete -F _lhguard_notify lhguard-notify
