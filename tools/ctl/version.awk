# SPDX-License-Identifier: GPL-2.0
# virtbackctl version: "what<TAB>version", the version empty where there is none.

BEGIN {
	FS = "\t"
	missing["module"] = "not loaded"
	missing["xen"] = "not on Xen"
}

json {
	printf "%s%s:%s", NR == 1 ? "{" : ",", json_string($1), $2 == "" ? "null" : json_string($2)
	next
}

{
	printf "%-12s %s\n", $1, $2 == "" ? missing[$1] : $2
}

END {
	if (json)
		print "}"
}
