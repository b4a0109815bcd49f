/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config/reference.h"

#include "gateway/config/options.h"

static const char *fallback_text(const struct option_row *row)
{
	if (row->fallback == NULL)
		return "-";
	if (row->fallback[0] == '!')
		return "required";
	return row->fallback[0] == '\0' ? "\"\"" : row->fallback;
}

static enum err append_row(struct buf *out, const struct option_row *row)
{
	char range[OPTION_RANGE_BYTES];
	enum err err;

	option_range(row, range);
	err = buf_printf(out, "  %-22s %-13s %-9s %s%s", row->name, option_type_name(row->type),
			 fallback_text(row), row->sentence, row->is_reloadable ? "" : " [restart]");
	if (err == OK && range[0] != '\0')
		err = buf_printf(out, " (%s)", range);
	return err != OK ? err : buf_append_byte(out, '\n');
}

enum err config_reference(struct buf *out)
{
	enum option_section section = OPTION_SECTIONS;
	const struct option_row *row;
	enum err err = OK;

	for (size_t i = 0; err == OK && (row = option_at(i)) != NULL; i++) {
		if (row->section != section)
			err = buf_printf(out, "%s%s\n", i > 0 ? "\n" : "",
					 option_section_name(row->section));
		section = row->section;
		if (err == OK)
			err = append_row(out, row);
	}
	return err;
}
