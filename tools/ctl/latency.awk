# SPDX-License-Identifier: GPL-2.0
# virtbackctl latency: histograms of what is between two snapshots, or in one.

function stage_wanted(s)
{
	return stage == "" || s == stage
}

function meaning(s)
{
	if (s == "trap") return "access to answer"
	if (s == "submit") return "kick to disk"
	if (s == "complete") return "disk to its answer"
	if (s == "interrupt") return "answer to interrupt"
	return "?"
}

# From the first bucket to the last; those between that are empty are drawn, too.
function draw(d, s,    n, i, b, c, most, last)
{
	n = sort_bounds(d, s)
	printf "%s  %s (%s)  %.0f times\n", d, s, meaning(s), samples[d, s]
	most = 0
	for (i = 1; i <= n; i++)
		if (bucket[d, s, bound_of[d, s, i]] > most)
			most = bucket[d, s, bound_of[d, s, i]]
	last = bound_of[d, s, n] + 0
	for (b = bound_of[d, s, 1] + 0; b <= last; b = upper(b)) {
		c = (d, s, sprintf("%.0f", b)) in bucket ? bucket[d, s, sprintf("%.0f", b)] : 0
		printf "  %9s to %-9s %10.0f  %s\n", duration(b), duration(upper(b)), c, bar(c, most)
	}
	printf "  p50 %s  p90 %s  p99 %s  p99.9 %s\n", duration(percentile(d, s, 0.5)), \
		duration(percentile(d, s, 0.9)), duration(percentile(d, s, 0.99)), \
		duration(percentile(d, s, 0.999))
}

# What is not empty is seen.
function bar(count, most,    width, s)
{
	width = int(count * 40 / most + 0.5)
	if (count > 0 && width == 0)
		return "."
	s = ""
	while (width-- > 0)
		s = s "#"
	return s
}

function json_stage(d, s,    n, i, out)
{
	n = sort_bounds(d, s)
	out = json_string(s) sprintf(":{\"count\":%.0f,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"buckets\":[", \
		samples[d, s], percentile(d, s, 0.5), percentile(d, s, 0.9), \
		percentile(d, s, 0.99), percentile(d, s, 0.999))
	for (i = 1; i <= n; i++)
		out = out sprintf("%s{\"from\":%s,\"count\":%.0f}", i > 1 ? "," : "", \
			bound_of[d, s, i], bucket[d, s, bound_of[d, s, i]])
	return out "]}"
}

function json_device(d,    i, first, out)
{
	out = "{\"device\":" json_string(d) ",\"unit\":\"ns\",\"stages\":"
	if ((d, "@missing") in now)
		return out "null}"
	first = 1
	out = out "{"
	for (i = 1; i <= nr_stages[d]; i++) {
		if (!stage_wanted(stage_of[d, i]))
			continue
		out = out (first ? "" : ",") json_stage(d, stage_of[d, i])
		first = 0
	}
	return out "}}"
}

function text_device(d,    i)
{
	if ((d, "@missing") in now) {
		if (now[d, "@missing"] == "unit")
			print d "  the histograms are in no unit that is known here"
		return
	}
	drawn = 0
	for (i = 1; i <= nr_stages[d]; i++) {
		if (!stage_wanted(stage_of[d, i]))
			continue
		if (blank++)
			print ""
		draw(d, stage_of[d, i])
		drawn = 1
	}
	if (!drawn)
		print d "  nothing happened"
}

END {
	if (json)
		printf "["
	for (i = 1; i <= devices; i++) {
		if (json)
			printf "%s%s", (i > 1 ? ",\n" : ""), json_device(device[i])
		else
			text_device(device[i])
	}
	if (json)
		print "]"
}
