/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fn.h"

/* clang-format off */
const struct fn fn_table[FN_COUNT] = {
	/*                            name                  args method core */
	[FN_CONTAINS]              = {"contains",           1, true,  true},
	[FN_CONTAINS_ALL]          = {"containsAll",        1, true,  true},
	[FN_CONTAINS_ANY]          = {"containsAny",        1, true,  true},
	[FN_IS_EMPTY]              = {"isEmpty",            0, true,  true},
	[FN_HAS_TAG]               = {"hasTag",             1, true,  true},
	[FN_GET_TAG]               = {"getTag",             1, true,  true},
	[FN_IS_IPV4]               = {"isIpv4",             0, true,  false},
	[FN_IS_IPV6]               = {"isIpv6",             0, true,  false},
	[FN_IS_LOOPBACK]           = {"isLoopback",         0, true,  false},
	[FN_IS_MULTICAST]          = {"isMulticast",        0, true,  false},
	[FN_IS_IN_RANGE]           = {"isInRange",          1, true,  false},
	[FN_LESS_THAN]             = {"lessThan",           1, true,  false},
	[FN_LESS_THAN_OR_EQUAL]    = {"lessThanOrEqual",    1, true,  false},
	[FN_GREATER_THAN]          = {"greaterThan",        1, true,  false},
	[FN_GREATER_THAN_OR_EQUAL] = {"greaterThanOrEqual", 1, true,  false},
	[FN_OFFSET]                = {"offset",             1, true,  false},
	[FN_DURATION_SINCE]        = {"durationSince",      1, true,  false},
	[FN_TO_DATE]               = {"toDate",             0, true,  false},
	[FN_TO_TIME]               = {"toTime",             0, true,  false},
	[FN_TO_MILLISECONDS]       = {"toMilliseconds",     0, true,  false},
	[FN_TO_SECONDS]            = {"toSeconds",          0, true,  false},
	[FN_TO_MINUTES]            = {"toMinutes",          0, true,  false},
	[FN_TO_HOURS]              = {"toHours",            0, true,  false},
	[FN_TO_DAYS]               = {"toDays",             0, true,  false},
	[FN_IP]                    = {"ip",                 1, false, false},
	[FN_DECIMAL]               = {"decimal",            1, false, false},
	[FN_DATETIME]              = {"datetime",           1, false, false},
	[FN_DURATION]              = {"duration",           1, false, false},
};
/* clang-format on */

enum fn_id fn_find(struct str name)
{
	unsigned fn = 0;

	while (fn < FN_COUNT && !str_eq(name, str_from_c(fn_table[fn].name)))
		fn++;
	return (enum fn_id)fn;
}
