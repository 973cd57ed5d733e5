# SPDX-License-Identifier: GPL-2.0
# virtbackctl list: one line a device.

BEGIN {
	FS = "\t"
}

$1 == "@domain" {
	name[$2] = $3
	next
}

$2 == "@device" {
	order[++n] = $1
	next
}

$1 == "@store" {
	split($2, store, " ")
	if (store[1] ~ /^6...$/)
		size[$3] = block_size(hex(store[2]) ":" hex(store[3]))
	else if (store[1] ~ /^8...$/)
		size[$3] = store[4]
	next
}

{
	value[$1, $2] = $3
}

function hex(s,    i, n)
{
	n = 0
	for (i = 1; i <= length(s); i++)
		n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return n
}

function block_size(number,    sectors, file)
{
	file = blocks number "/size"
	if ((getline sectors < file) <= 0)
		sectors = ""
	close(file)
	return sectors == "" ? "" : sprintf("%.0f", sectors * 512)
}

function size_of(d,    path)
{
	path = unescape(value[d, "backing"])
	return path in size ? size[path] : ""
}

function domain(d,    id)
{
	id = value[d, "domid"]
	return id == "" ? "-" : id in name ? id " (" name[id] ")" : id
}

# A disk may be read-only although nobody asked for it.
function mode(d)
{
	if (value[d, "readonly"] == 1 ||
	    (" " unescape(value[d, "features_offered_names"]) " ") ~ / ro /)
		return "ro"
	return "rw"
}

function line(i, d)
{
	cell[i, 1] = d
	cell[i, 2] = domain(d)
	cell[i, 3] = value[d, "state"]
	cell[i, 4] = mode(d)
	cell[i, 5] = bytes(size_of(d))
	cell[i, 6] = value[d, "queues"]
	cell[i, 7] = unescape(value[d, "backing"])
}

function json_line(d,    s)
{
	s = "{\"device\":" json_string(d)
	if (value[d, "domid"] != "") {
		s = s ",\"domid\":" value[d, "domid"]
		if (value[d, "domid"] in name)
			s = s ",\"domain\":" json_string(name[value[d, "domid"]])
	}
	s = s ",\"state\":" json_string(value[d, "state"])
	s = s ",\"readonly\":" (mode(d) == "ro" ? "true" : "false")
	if (size_of(d) != "")
		s = s ",\"bytes\":" size_of(d)
	s = s ",\"queues\":" (is_number(value[d, "queues"]) ? value[d, "queues"] : "null")
	return s ",\"backing\":" json_string(unescape(value[d, "backing"])) "}"
}

END {
	if (json) {
		printf "["
		for (i = 1; i <= n; i++)
			printf "%s%s", (i > 1 ? ",\n" : ""), json_line(order[i])
		print "]"
		exit
	}
	split("DEVICE DOMAIN STATE MODE SIZE QUEUES BACKING", head, " ")
	for (i = 1; i <= 7; i++)
		cell[0, i] = head[i]
	for (i = 1; i <= n; i++)
		line(i, order[i])
	table(n + 0, 7, ",5,6,")
}
