# SPDX-License-Identifier: GPL-2.0
# virtbackctl add --json

{
	print "{\"device\":" json_string($0) "}"
}
