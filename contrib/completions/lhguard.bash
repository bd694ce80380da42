# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for lhguard. What can be written is asked of lhguard itself.

_lhguard() {
	local rest=${COMP_LINE:0:COMP_POINT} words=() word piece before quote='' prefix='' line candidate

	# bash breaks words at ":" and "=", too: what no blank divides is put together again.
	for piece in "${COMP_WORDS[@]}"; do
		before=$rest
		rest=${rest#"${rest%%[![:blank:]]*}"}
		if [[ $rest == "$before" && ${#words[@]} -gt 0 ]]; then
			words[-1]+=${rest:0:${#piece}}
		elif [[ -n $rest || $before != "$rest" ]]; then
			words+=("${rest:0:${#piece}}")
		fi
		rest=${rest:${#piece}}
	done
	word=${words[-1]}

	# As the shell would read them.
	for line in "${!words[@]}"; do
		case ${words[line]} in
		\'* | \"*) words[line]=${words[line]//[\'\"]/} ;;
		*) words[line]=${words[line]//\\/} ;;
		esac
	done
	case $word in
	\'*) quote=\' ;;
	\"*) quote=\" ;;
	# readline puts the answer behind the last of these.
	*) word=${words[-1]} prefix=${word%"${word##*[:=@]}"} ;;
	esac

	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r candidate; do
				COMPREPLY+=("$candidate")
			done < <(compgen -f -- "${words[-1]#--*=}")
			return
		fi
		candidate=${line%%$'\t'*}
		candidate=${candidate#"$prefix"}
		case $quote in
		\') candidate=${candidate//\'/"'\\''"} ;;
		\") candidate=$(sed 's/[\\"$`]/\\&/g' <<<"$candidate") ;;
		*) printf -v candidate '%q' "$candidate" ;;
		esac
		COMPREPLY+=("$candidate")
	done < <(command "${COMP_WORDS[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _lhguard lhguard
