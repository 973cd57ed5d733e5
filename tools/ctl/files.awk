# SPDX-License-Identifier: GPL-2.0
#
# Reads what the shell's globs find below devices, with -v sys= their class and -v debugfs=:
#   <class>/<device>/<directory>/		directories, with a slash at the end, first
#   <class>/<device>/<name>, <class>/<device>/<directory>/<name>
#   <class>/<device>/@latency			stands for the file in debugfs
# and prints "device<TAB>attribute<TAB>path" of files: not what belongs to the kernel's driver
# core, nor files of a directory that is a device of its own. Tests of the shell, one a
# file, would take longer than all the rest.

{
	path = $0
	rest = substr(path, length(sys) + 1)
	slash = index(rest, "/")
	dev = substr(rest, 1, slash - 1)
	attr = substr(rest, slash + 1)
}

path ~ /\/$/ {
	directory[substr(path, 1, length(path) - 1)] = 1
	next
}

path in directory || attr ~ /^(uevent|power|subsystem|device|driver)$/ {
	next
}

attr ~ /^(power|subsystem|device|driver)\// {
	next
}

attr == "@latency" {
	file[++n] = dev "\t" attr "\t" debugfs dev "/latency"
	next
}

attr ~ /\/uevent$/ {
	foreign[dev "/" substr(attr, 1, length(attr) - 7)] = 1
	next
}

{
	file[++n] = dev "\t" attr "\t" path
	if ((slash = index(attr, "/")) > 0)
		parent[n] = dev "/" substr(attr, 1, slash - 1)
}

END {
	for (i = 1; i <= n; i++)
		if (!(i in parent) || !(parent[i] in foreign))
			print file[i]
}
