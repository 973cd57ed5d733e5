# SPDX-License-Identifier: GPL-2.0
# virtbackctl stats: all numbers that count something: the queues', those of other
# directories, and of the device itself those that are no options. With sum=1 those of all
# devices together.

BEGIN {
	FS = "\t"
	# What is the guest's is shown by each of its devices; these are a device's own.
	split("grants copies copy_calls data_grants map_calls unmap_calls", t, " ")
	for (i in t)
		of_device["xen/" t[i]] = 1
	split("bad_accesses orphans", own, " ")
}

function add_device(d)
{
	device[++devices] = d
	known[d] = 1
}

# Remember @key in the list @what, in the order of coming.
function remember(what, key)
{
	if ((what, key) in place)
		return
	place[what, key] = ++length_of[what]
	list[what, length_of[what]] = key
}

!($1 in known) {
	add_device($1)
}

$2 == "domid" {
	guest[$1] = $3
}

{
	# A number that counts nothing.
	if (!is_number($3) || $2 ~ /\/pid$/)
		next
	slash = index($2, "/")
	dir = slash ? substr($2, 1, slash - 1) : ""
	name = substr($2, slash + 1)
	if (dir ~ /^vq[0-9]+$/) {
		remember($1 SUBSEP "vq", dir)
		remember($1 SUBSEP "counter", name)
		value[$1, dir, name] = $3
		total[$1, name] += $3
	} else if (dir != "") {
		remember($1 SUBSEP "dir", dir)
		remember($1 SUBSEP dir, name)
		value[$1, dir, name] = $3
	} else if (name == own[1] || name == own[2]) {
		remember($1 SUBSEP "own", name)
		value[$1, "", name] = $3
	}
}

# A queue's number, for the order of columns: vq10 is after vq9.
function sort_queues(d,    n, i, j, t)
{
	n = length_of[d, "vq"]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1; j--) {
			if (substr(list[d, "vq", j - 1], 3) + 0 <= substr(list[d, "vq", j], 3) + 0)
				break
			t = list[d, "vq", j]
			list[d, "vq", j] = list[d, "vq", j - 1]
			list[d, "vq", j - 1] = t
		}
	return n
}

function text(d,    nq, nc, i, q, k, dir)
{
	nq = sort_queues(d)
	nc = length_of[d, "counter"]
	split("", cell)
	cell[0, 1] = d
	cell[0, 2] = "total"
	for (q = 1; q <= nq; q++)
		cell[0, q + 2] = list[d, "vq", q]
	for (i = 1; i <= nc; i++) {
		cell[i, 1] = "  " list[d, "counter", i]
		cell[i, 2] = sprintf("%.0f", total[d, list[d, "counter", i]])
		for (q = 1; q <= nq; q++)
			cell[i, q + 2] = value[d, list[d, "vq", q], list[d, "counter", i]]
	}
	for (i = 1; i <= length_of[d, "own"]; i++) {
		cell[++nc, 1] = "  " list[d, "own", i]
		cell[nc, 2] = value[d, "", list[d, "own", i]]
	}
	for (k = 1; k <= length_of[d, "dir"]; k++) {
		dir = list[d, "dir", k]
		for (i = 1; i <= length_of[d, dir]; i++) {
			cell[++nc, 1] = "  " dir "/" list[d, dir, i]
			cell[nc, 2] = value[d, dir, list[d, dir, i]]
		}
	}
	right = ","
	for (q = 2; q <= nq + 2; q++)
		right = right q ","
	table(nc, nq + 2, right)
}

function sum_up(key, dir, name, number)
{
	remember(key, name)
	value["all", dir, name] = sprintf("%.0f", value["all", dir, name] + number)
}

# A guest's counters once for all its devices.
function sum_directory(d, dir,    i, name, what)
{
	remember("all" SUBSEP "dir", dir)
	for (i = 1; i <= length_of[d, dir]; i++) {
		name = list[d, dir, i]
		what = dir "/" name
		# The most that there ever was, at different times, is no sum.
		if (what == "xen/pages_max")
			continue
		if (dir == "xen" && !(what in of_device)) {
			if ((guest[d], name) in seen)
				continue
			seen[guest[d], name] = 1
		}
		sum_up("all" SUBSEP dir, dir, name, value[d, dir, name])
	}
}

# Instead of the devices one that is called "all" and has no queues.
function sum_all(    n, d, i)
{
	for (n = 1; n <= devices; n++) {
		d = device[n]
		for (i = 1; i <= length_of[d, "counter"]; i++) {
			remember("all" SUBSEP "counter", list[d, "counter", i])
			total["all", list[d, "counter", i]] += total[d, list[d, "counter", i]]
		}
		for (i = 1; i <= length_of[d, "own"]; i++)
			sum_up("all" SUBSEP "own", "", list[d, "own", i],
				value[d, "", list[d, "own", i]])
		for (i = 1; i <= length_of[d, "dir"]; i++)
			sum_directory(d, list[d, "dir", i])
	}
	device[devices = 1] = "all"
}

function object(d, dir, names,    s, i)
{
	s = ""
	for (i = 1; i <= length_of[d, names]; i++)
		s = s (i > 1 ? "," : "") json_string(list[d, names, i]) ":" \
			(value[d, dir, list[d, names, i]] == "" ? "null" : \
			 value[d, dir, list[d, names, i]])
	return "{" s "}"
}

function json_text(d,    s, i, q, nq)
{
	nq = sort_queues(d)
	s = "{\"device\":" json_string(d) ",\"total\":{"
	for (i = 1; i <= length_of[d, "counter"]; i++)
		s = s (i > 1 ? "," : "") json_string(list[d, "counter", i]) ":" \
			sprintf("%.0f", total[d, list[d, "counter", i]])
	s = s "},\"queues\":{"
	for (q = 1; q <= nq; q++)
		s = s (q > 1 ? "," : "") json_string(list[d, "vq", q]) ":" \
			object(d, list[d, "vq", q], "counter")
	s = s "},\"own\":" object(d, "", "own")
	for (i = 1; i <= length_of[d, "dir"]; i++)
		s = s "," json_string(list[d, "dir", i]) ":" \
			object(d, list[d, "dir", i], list[d, "dir", i])
	return s "}"
}

END {
	if (sum)
		sum_all()
	if (json)
		printf "["
	for (i = 1; i <= devices; i++) {
		if (json) {
			printf "%s%s", (i > 1 ? ",\n" : ""), json_text(device[i])
		} else {
			if (i > 1)
				print ""
			text(device[i])
		}
	}
	if (json)
		print "]"
}
