# SPDX-License-Identifier: GPL-2.0
# virtbackctl show: each file of a device, as "name: value", directories indented. In JSON
# a directory is an object. Files of a directory come one after the other.

BEGIN {
	FS = "\t"
	if (json)
		printf plain ? "{" : "["
}

function close_dir()
{
	if (json && dir != "")
		printf "}"
	dir = ""
}

function new_device()
{
	close_dir()
	if (json && !plain)
		printf "%s{\"device\":%s", device == "" ? "" : "},\n", json_string($1)
	else if (!json && !plain)
		print (device == "" ? "" : "\n") $1
	device = $1
	first = json && plain
}

function json_pair(attr, value)
{
	printf "%s%s:%s", first ? "" : ",", json_string(attr), json_value(attr, value)
	first = 0
}

$1 != device {
	new_device()
}

{
	attr = $2
	value = unescape($3)
	in_dir = ""
	if ((slash = index(attr, "/")) > 0) {
		in_dir = substr(attr, 1, slash - 1)
		attr = substr(attr, slash + 1)
	}
	if (in_dir != dir) {
		close_dir()
		dir = in_dir
		if (dir != "" && json)
			printf ",%s:{", json_string(dir)
		else if (dir != "")
			print "  " dir
		first = dir != ""
	}
	if (json) {
		json_pair(attr, value)
	} else {
		gsub(/\n/, "\n" (dir != "" ? "    " : "  ") "                          ", value)
		printf "%s%-24s  %s\n", plain ? "" : dir != "" ? "    " : "  ", attr, value
	}
}

END {
	close_dir()
	if (json)
		print plain ? "}" : device == "" ? "]" : "}]"
}
