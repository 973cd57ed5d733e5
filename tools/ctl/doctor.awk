# SPDX-License-Identifier: GPL-2.0
# virtbackctl doctor: "status<TAB>subject<TAB>what is<TAB>what to do".

BEGIN {
	FS = "\t"
	if (json)
		printf "["
}

{
	count[$1]++
}

json {
	printf "%s{\"status\":%s,\"subject\":%s,\"finding\":%s,\"remedy\":%s}", (NR > 1 ? ",\n" : ""), \
		json_string($1), json_string($2), json_string($3), \
		$4 == "" ? "null" : json_string($4)
	next
}

{
	sub(/^ /, "", $3)
	printf "%-5s %s: %s\n", $1, $2, $3
	if ($4 != "")
		printf "      -> %s\n", $4
}

END {
	if (json)
		print "]"
	else
		printf "\n%d wrong, %d to look at\n", count["fail"], count["warn"]
	exit count["fail"] > 0
}
