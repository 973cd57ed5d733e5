# SPDX-License-Identifier: GPL-2.0
# virtbackctl top: one table (or one line of JSON) from two snapshots.

# Bytes of requests; what was discarded or zeroed moved none.
function bytes_done(d)
{
	return 512 * (growth(d, "sectors_read") + growth(d, "sectors_written"))
}

# Traps are counted for the guest, and all its devices show the same: so they are
# divided by the requests of all of them.
function guest(d)
{
	return now[d, "domid"] == "" ? d : now[d, "domid"]
}

function figures(d,    g)
{
	g = guest(d)
	req[d] = growth(d, "completed") / secs
	mb[d] = bytes_done(d) / secs / 1e6
	irqs[d] = ratio(growth(d, "irqs"), growth(d, "completed"))
	traps[d] = (d, "xen/traps") in now ? ratio(guest_traps[g], requests[g]) : ""
	p50[d] = percentile(d, "complete", 0.5)
	p99[d] = percentile(d, "complete", 0.99)
}

function add_guest(d,    g)
{
	g = guest(d)
	requests[g] += growth(d, "completed")
	if (!(g in guest_traps))
		guest_traps[g] = growth_of(d, "xen/traps")
}

function ratio(a, b)
{
	return b > 0 ? a / b : ""
}

function short(x)
{
	return x == "" ? "-" : sprintf("%.2f", x)
}

# What a device is sorted by: the greater the earlier.
function weight(d)
{
	if (sort == "mb") return mb[d]
	if (sort == "traps") return traps[d] + 0
	if (sort == "irqs") return irqs[d] + 0
	if (sort == "p50") return p50[d] + 0
	if (sort == "p99") return p99[d] + 0
	return req[d]
}

function sort_devices(    i, j, t)
{
	if (sort == "device")
		return
	for (i = 2; i <= devices; i++)
		for (j = i; j > 1 && weight(device[j - 1]) < weight(device[j]); j--) {
			t = device[j]
			device[j] = device[j - 1]
			device[j - 1] = t
		}
}

function json_number(x, digits)
{
	return x == "" ? "null" : sprintf("%." digits "f", x)
}

function json_line(d)
{
	return "{\"device\":" json_string(d) ",\"state\":" json_string(now[d, "state"]) \
		",\"requests_per_s\":" json_number(req[d], 1) \
		",\"bytes_per_s\":" json_number(mb[d] * 1e6, 0) \
		",\"traps_per_request\":" json_number(traps[d], 3) \
		",\"irqs_per_request\":" json_number(irqs[d], 3) \
		",\"complete_ns\":{\"p50\":" json_number(p50[d], 0) \
		",\"p99\":" json_number(p99[d], 0) "}}"
}

function print_json(    i)
{
	printf "{\"time\":%s,\"seconds\":%.2f,\"devices\":[", json_string(clock), secs
	for (i = 1; i <= devices; i++)
		printf "%s%s", (i > 1 ? "," : ""), json_line(device[i])
	print "]}"
}

function print_table(    i, d, all_req, all_mb, shown, missing)
{
	missing = 0
	for (i = 1; i <= devices; i++) {
		all_req += req[device[i]]
		all_mb += mb[device[i]]
		if ((device[i], "@missing") in now)
			missing++
	}
	printf "virtback %s  %d device%s  %.0f requests/s  %.1f MB/s  over %.1f s\n", clock, devices, \
		devices == 1 ? "" : "s", all_req, all_mb, secs
	print missing ? "latencies: none of " missing " devices, see 'virtbackctl latency'" : ""
	split("DEVICE STATE REQ/S MB/S TRAPS/R IRQ/R P50 P99", head, " ")
	for (i = 1; i <= 8; i++)
		cell[0, i] = head[i]
	shown = lines && devices > lines - 4 ? lines - 4 : devices
	for (i = 1; i <= shown; i++) {
		d = device[i]
		cell[i, 1] = d
		cell[i, 2] = now[d, "state"]
		cell[i, 3] = sprintf("%.0f", req[d])
		cell[i, 4] = sprintf("%.1f", mb[d])
		cell[i, 5] = short(traps[d])
		cell[i, 6] = short(irqs[d])
		cell[i, 7] = duration(p50[d])
		cell[i, 8] = duration(p99[d])
	}
	table(shown, 8, ",3,4,5,6,7,8,")
	if (shown < devices)
		printf "(%d more)\n", devices - shown
}

END {
	secs = seconds()
	if (secs == 0)
		secs = 0.01
	for (i = 1; i <= devices; i++)
		add_guest(device[i])
	for (i = 1; i <= devices; i++)
		figures(device[i])
	sort_devices()
	if (json)
		print_json()
	else
		print_table()
}
