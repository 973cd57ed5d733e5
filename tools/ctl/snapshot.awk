# SPDX-License-Identifier: GPL-2.0
#
# Reads the files that it is told, lines "device<TAB>attribute<TAB>path", and prints
# "device<TAB>attribute<TAB>value". Lines of a value are joined by \n. One process reads
# all of them, since the counters of a moment belong together. A latency file becomes
# lines "device<TAB>@latency/queue/stage/lower bound<TAB>count", or one of
# "device<TAB>@missing" if it cannot be read.

BEGIN {
	FS = "\t"
}

function escape(s,    out, i, c)
{
	if (s !~ /[\\\t]/)
		return s
	out = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		out = out (c == "\\" ? "\\\\" : c == "\t" ? "\\t" : c)
	}
	return out
}

function latency(dev, path,    line, n, f, unit, seen)
{
	seen = 0
	unit = ""
	while ((n = getline line < path) > 0) {
		seen = 1
		if (line ~ /^# unit: /)
			unit = substr(line, 9)
		if (line ~ /^#/)
			continue
		if (split(line, f, " ") == 4 && f[3] ~ /^[0-9]+$/ && f[4] ~ /^[0-9]+$/)
			printf "%s\t@latency/%s/%s/%s\t%s\n", dev, f[1], f[2], f[3], f[4]
	}
	close(path)
	if (n < 0 || !seen)
		printf "%s\t@missing\tlatency\n", dev
	else if (unit != "ns")
		printf "%s\t@missing\tunit\n", dev
}

$2 == "@latency" {
	latency($1, $3)
	next
}

{
	value = ""
	first = 1
	while ((n = getline line < $3) > 0) {
		value = first ? escape(line) : value "\\n" escape(line)
		first = 0
	}
	close($3)
	# An attribute that only can be written, or that went with its device.
	if (n == 0 || !first)
		printf "%s\t%s\t%s\n", $1, $2, value
}
