# SPDX-License-Identifier: GPL-2.0
#
# Functions for JSON, for the escapes of snapshot.awk, and for numbers that people read.

function ords_init(    i)
{
	if (ords_done)
		return
	ords_done = 1
	for (i = 1; i < 256; i++)
		ord[sprintf("%c", i)] = i
}

# The bytes of a UTF-8 character that begins at @i of @s; 0 if there is none.
function utf8_length(s, i,    c, n, k, second)
{
	c = ord[substr(s, i, 1)]
	n = c >= 194 && c <= 223 ? 2 : c >= 224 && c <= 239 ? 3 : c >= 240 && c <= 244 ? 4 : 0
	for (k = 1; k < n; k++) {
		second = ord[substr(s, i + k, 1)]
		if (second < 128 || second > 191)
			return 0
		if (k == 1 && (c == 224 && second < 160 || c == 237 && second > 159 ||
			       c == 240 && second < 144 || c == 244 && second > 143))
			return 0
	}
	return n
}

# A string of JSON. What is no UTF-8, a path may be anything, becomes U+FFFD.
function json_string(s,    out, i, c, n)
{
	if (s !~ /[^ -~]/ && s !~ /["\\]/)
		return "\"" s "\""
	ords_init()
	out = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\"" || c == "\\")
			out = out "\\" c
		else if (ord[c] < 32 || ord[c] == 127)
			out = out sprintf("\\u%04x", ord[c])
		else if (ord[c] < 128)
			out = out c
		else if ((n = utf8_length(s, i)) > 0) {
			out = out substr(s, i, n)
			i += n - 1
		} else
			out = out "\\ufffd"
	}
	return "\"" out "\""
}

function is_number(s)
{
	return s ~ /^(0|-?[1-9][0-9]*)$/
}

# A value of sysfs: a number where it looks like one, but for what is text by nature.
function json_value(attr, s)
{
	if (is_number(s) && attr != "serial" && attr != "backing")
		return s
	return json_string(s)
}

# Undo what snapshot.awk did, so that a value is one field of one line.
function unescape(s,    out, i, c)
{
	if (index(s, "\\") == 0)
		return s
	out = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\\") {
			c = substr(s, ++i, 1)
			c = c == "n" ? "\n" : c == "t" ? "\t" : c
		}
		out = out c
	}
	return out
}

# Nanoseconds with a unit.
function duration(ns)
{
	if (ns == "")
		return "-"
	if (ns < 1000)
		return sprintf("%.0f ns", ns)
	if (ns < 1e6)
		return sprintf(ns < 1e4 ? "%.2f us" : ns < 1e5 ? "%.1f us" : "%.0f us", ns / 1e3)
	if (ns < 1e9)
		return sprintf(ns < 1e7 ? "%.2f ms" : ns < 1e8 ? "%.1f ms" : "%.0f ms", ns / 1e6)
	return sprintf(ns < 1e10 ? "%.2f s" : "%.1f s", ns / 1e9)
}

# Bytes with a unit of powers of 1024.
function bytes(n,    unit)
{
	if (n == "")
		return "-"
	unit = 0
	while (n >= 1024 && unit < 5) {
		n /= 1024
		unit++
	}
	return sprintf(unit && n < 10 && n != int(n) ? "%.1f%s" : "%.0f%s", n,
		       substr("BKMGTP", unit + 1, 1))
}

# A table: cell[row, col], with the headings in row 0. Numbers stand at the right.
function table(rows, cols, right,    r, c, w, line)
{
	for (c = 1; c <= cols; c++) {
		w[c] = 0
		for (r = 0; r <= rows; r++)
			if (length(cell[r, c]) > w[c])
				w[c] = length(cell[r, c])
	}
	for (r = 0; r <= rows; r++) {
		line = ""
		for (c = 1; c <= cols; c++)
			line = line sprintf(index(right, "," c ",") ? "%" w[c] "s" : "%-" w[c] "s",
					    cell[r, c]) (c < cols ? "  " : "")
		sub(/ +$/, "", line)
		print line
	}
}
