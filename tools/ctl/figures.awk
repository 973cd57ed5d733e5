# SPDX-License-Identifier: GPL-2.0
#
# Two timed snapshots with a line @now between them: what is in both becomes differences.
#   now[device, attribute], old[device, attribute]: values
#   devices, device[i]: those of the second
#   seconds: between them; 0 if there is one only
# and of the histograms, with -v queue= for one queue alone:
#   bucket[device, stage, lower bound]: the difference, stages of a device in stage_of

BEGIN {
	FS = "\t"
}

$1 == "@now" {
	second = 1
	next
}

$1 == "@time" {
	time[second + 0] = $3
	next
}

NF < 3 {
	next
}

!second {
	old[$1, $2] = $3
	next
}

{
	if (!($1 in known)) {
		known[$1] = 1
		device[++devices] = $1
	}
	now[$1, $2] = $3
	if ($2 ~ /^@latency\//) {
		split($2, part, "/")
		if (queue == "" || part[2] == queue)
			add_bucket($1, part[3], part[4], $3 - old[$1, $2])
	}
}

# A count below that of before: the device is a new one of the old one's name.
function add_bucket(d, stage, bound, count)
{
	if (count <= 0)
		return
	if (!((d, stage) in stages)) {
		stages[d, stage] = 0
		stage_of[d, ++nr_stages[d]] = stage
	}
	if (!((d, stage, bound) in bucket))
		bound_of[d, stage, ++stages[d, stage]] = bound
	bucket[d, stage, bound] += count
	samples[d, stage] += count
}

# The sum over queues of how much a counter grew.
function growth(d, counter,    q, sum, key)
{
	sum = 0
	for (q = 0; (d, "vq" q "/" counter) in now; q++) {
		key = "vq" q "/" counter
		if (now[d, key] - old[d, key] > 0)
			sum += now[d, key] - old[d, key]
	}
	return sum
}

function growth_of(d, attr)
{
	return now[d, attr] - old[d, attr] > 0 ? now[d, attr] - old[d, attr] : 0
}

function seconds()
{
	return time[1] - time[0] > 0 ? time[1] - time[0] : 0
}

# Lower bounds in ascending order.
function sort_bounds(d, stage,    n, i, j, t)
{
	n = stages[d, stage]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1; j--) {
			if (bound_of[d, stage, j - 1] + 0 <= bound_of[d, stage, j] + 0)
				break
			t = bound_of[d, stage, j]
			bound_of[d, stage, j] = bound_of[d, stage, j - 1]
			bound_of[d, stage, j - 1] = t
		}
	return n
}

# A bucket reaches to twice its lower bound; the first, which may begin at 0, to 1.
function upper(bound)
{
	return bound > 0 ? bound * 2 : 1
}

# The time that @share of the requests did not exceed: within a bucket of powers of two
# they are taken to be spread evenly. Nothing if there was none.
function percentile(d, stage, share,    n, i, b, want, seen)
{
	n = sort_bounds(d, stage)
	want = samples[d, stage] * share
	seen = 0
	for (i = 1; i <= n; i++) {
		b = bound_of[d, stage, i] + 0
		if (seen + bucket[d, stage, bound_of[d, stage, i]] >= want)
			return b + (upper(b) - b) * (want - seen) / bucket[d, stage, bound_of[d, stage, i]]
		seen += bucket[d, stage, bound_of[d, stage, i]]
	}
	return ""
}
