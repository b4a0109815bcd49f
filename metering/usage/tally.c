/* SPDX-License-Identifier: Apache-2.0 */
#include "metering/usage/tally.h"

#define DIGITS_MAX (USAGE_COUNT_MAX * 100000)

void tally_init(struct tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	for (unsigned i = 0; i < FIELD_COUNTS; i++)
		tally->fields[i] = -1;
	tally->done_item = FEE_COUNT;
	tally->output = -1;
}

void tally_begin(struct tally *tally)
{
	tally->has_block = false;
	tally->has_no_choices = false;
	tally->is_item_done = false;
	tally->choices = 0;
	tally->choice = 0;
	tally->output = -1;
	tally->queries = 0;
	tally->done_item = FEE_COUNT;
	memset(tally->items, 0, sizeof(tally->items));
	memset(tally->modals, 0, sizeof(tally->modals));
	tally->modality = MODALITY_OTHER;
	tally->modal_tokens = 0;
}

/* ---- numbers ---- */

/* A decimal: value × 10^scale. */
struct decimal {
	int64_t value;
	int64_t scale;
	bool is_cut; /* digits beyond all precision were left out, and some were not 0 */
};

static size_t parse_digits(struct str text, struct decimal *out)
{
	bool is_fraction = false;
	size_t i = 0;

	for (; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.') {
			is_fraction = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		if (out->value > DIGITS_MAX) {
			out->is_cut |= c != '0';
			out->scale += !is_fraction;
			continue;
		}
		out->value = out->value * 10 + (c - '0');
		out->scale -= is_fraction;
	}
	return i;
}

/* digits [ . digits ] [ e exponent ], as JSON writes them; nothing negative. */
static bool parse_decimal(struct str text, struct decimal *out)
{
	bool is_negative_exponent = false;
	int64_t exponent = 0;
	size_t i = parse_digits(text, out);

	if (i == 0)
		return false;
	for (i++; i < text.len; i++) {
		if (text.ptr[i] == '-')
			is_negative_exponent = true;
		else if (text.ptr[i] >= '0' && text.ptr[i] <= '9')
			exponent = exponent * 10 + (text.ptr[i] - '0');
		else if (text.ptr[i] != '+')
			return false;
		if (exponent > 1000)
			return false;
	}
	out->scale += is_negative_exponent ? -exponent : exponent;
	return true;
}

/* The whole number nearest to text × 10^shift; without may_round only an exact one. */
static bool parse_count(struct str text, int shift, bool may_round, int64_t *out)
{
	struct decimal number = {0};
	int64_t rest = 0;

	if (!parse_decimal(text, &number) || (number.is_cut && !may_round))
		return false;
	number.scale += shift;
	for (; number.scale < 0 && number.value != 0; number.scale++) {
		rest = number.value % 10;
		if (rest != 0 && !may_round)
			return false;
		number.value /= 10;
	}
	number.value += number.scale == 0 && rest >= 5;
	for (; number.scale > 0 && number.value != 0 && number.value <= USAGE_COUNT_MAX;
	     number.scale--)
		number.value *= 10;
	if (number.value > USAGE_COUNT_MAX)
		return false;
	*out = number.value;
	return true;
}

static bool parse_field(enum dialect_field field, struct str text, int64_t *out)
{
	bool is_seconds = field == FIELD_AUDIO_MS || field == FIELD_DURATION;

	return parse_count(text, is_seconds ? 3 : 0, is_seconds, out);
}

static void set_count(struct tally *tally, enum dialect_field field, int64_t count)
{
	if (field == FIELD_OUTPUT)
		tally->output = count;
	tally->fields[field] = count;
}

static bool read_count(struct tally *tally, enum dialect_field field,
		       const struct jscan_value *value, int64_t *out)
{
	/* Some servers write seconds as a text. */
	bool is_number = value->type == JSCAN_NUMBER ||
			 (value->type == JSCAN_STRING && field == FIELD_DURATION);

	if (value->type == JSCAN_NULL)
		return false;
	if (!is_number || value->is_truncated || !parse_field(field, value->text, out)) {
		tally->flags |= USAGE_UNREADABLE;
		return false;
	}
	if (value->is_duplicate)
		tally->flags |= USAGE_DUPLICATE;
	return true;
}

static void take_count(struct tally *tally, enum dialect_field field,
		       const struct jscan_value *value)
{
	int64_t count;

	if (read_count(tally, field, value, &count))
		set_count(tally, field, count);
}

void tally_take_text(struct tally *tally, enum dialect_field field, struct str text)
{
	int64_t count;

	if (parse_field(field, text, &count))
		set_count(tally, field, count);
	else
		tally->flags |= USAGE_UNREADABLE;
}

/* ---- names ---- */

static void take_name(const struct jscan_value *value, char *out, size_t cap, uint8_t *out_len)
{
	size_t len = MIN(value->text.len, cap);

	if (value->type != JSCAN_STRING || len == 0)
		return;
	memcpy(out, value->text.ptr, len);
	*out_len = (uint8_t)len;
}

/* Tiers in the words of the price book. */
static void take_tier(struct tally *tally, const struct jscan_value *value)
{
	static const struct {
		struct str said, tier;
	} tiers[] = {
		{STR("ON_DEMAND"), STR("standard")},
		{STR("ON_DEMAND_PRIORITY"), STR("priority")},
		{STR("ON_DEMAND_FLEX"), STR("flex")},
		{STR("PROVISIONED_THROUGHPUT"), STR("provisioned")},
	};

	take_name(value, tally->tier, sizeof(tally->tier), &tally->tier_len);
	for (size_t i = 0; i < ARRAY_LEN(tiers); i++) {
		if (!str_eq(value->text, tiers[i].said))
			continue;
		memcpy(tally->tier, tiers[i].tier.ptr, tiers[i].tier.len);
		tally->tier_len = (uint8_t)tiers[i].tier.len;
	}
}

/* Words for "anywhere" name no place. */
static void take_geo(struct tally *tally, const struct jscan_value *value)
{
	if (!str_eq(value->text, STR("global")) && !str_eq(value->text, STR("not_available")))
		take_name(value, tally->geo, sizeof(tally->geo), &tally->geo_len);
}

/* ---- events ---- */

void tally_take_type(struct tally *tally, struct str type)
{
	static const struct {
		struct str type;
		bool is_last; /* no event comes behind it */
	} ends[] = {
		{STR("message_stop"), true},	      {STR("response.completed"), true},
		{STR("response.incomplete"), true},   {STR("response.failed"), true},
		{STR("message-end"), true},	      {STR("stream-end"), true},
		{STR("transcript.text.done"), true},  {STR("speech.audio.done"), true},
		{STR("image_edit.completed"), false}, {STR("image_generation.completed"), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (!str_eq(type, ends[i].type))
			continue;
		tally->is_final = true;
		tally->is_terminal |= ends[i].is_last;
	}
	if (str_eq(type, STR("response.output_item.done")))
		tally->is_item_done = true;
}

/* Built-in tools that are charged by the call. */
static enum fee item_fee(struct str type)
{
	static const struct str names[FEE_COUNT] = {
		[FEE_SEARCH] = STR("web_search_call"),
		[FEE_FILE_SEARCH] = STR("file_search_call"),
		[FEE_CODE] = STR("code_interpreter_call"),
		[FEE_IMAGE] = STR("image_generation_call"),
	};
	unsigned fee = 0;

	while (fee < FEE_COUNT && !str_eq(type, names[fee]))
		fee++;
	return (enum fee)fee;
}

static void take_item(struct tally *tally, const struct jscan_value *value)
{
	enum fee fee = item_fee(value->text);

	if (fee != FEE_COUNT)
		tally->items[fee]++;
}

static void take_delta(struct tally *tally, const struct jscan_value *value)
{
	if (value->type != JSCAN_STRING || value->end - value->start <= 2)
		return;
	tally->deltas++;
	tally->text_bytes += (int64_t)(value->end - value->start) - 2;
}

static void take_choice(struct tally *tally, const struct jscan_value *value)
{
	int64_t index = 0;

	if (value->type != JSCAN_NUMBER || !parse_count(value->text, 0, false, &index))
		return;
	tally->choices++;
	tally->choice = (unsigned)MIN(index, TALLY_CHOICES - 1);
}

/* ---- lists of modalities ---- */

static void take_modality(struct tally *tally, struct str name)
{
	tally->modality = str_eq(name, STR("AUDIO"))   ? MODALITY_AUDIO
			  : str_eq(name, STR("VIDEO")) ? MODALITY_VIDEO
			  : str_eq(name, STR("IMAGE")) || str_eq(name, STR("DOCUMENT"))
				  ? MODALITY_IMAGE
				  : MODALITY_OTHER;
}

/* An element is over: its two members may have come in either order. */
static void add_modal(struct tally *tally)
{
	tally->modals[tally->modality] += tally->modal_tokens;
	tally->modality = MODALITY_OTHER;
	tally->modal_tokens = 0;
}

/* The list is over: it replaces what one before it said. */
static void set_modals(struct tally *tally, const struct jscan_value *value,
		       enum dialect_field audio, enum dialect_field image, enum dialect_field video)
{
	if (value->type == JSCAN_ARRAY) {
		tally->fields[audio] = MIN(tally->modals[MODALITY_AUDIO], USAGE_COUNT_MAX);
		tally->fields[image] = MIN(tally->modals[MODALITY_IMAGE], USAGE_COUNT_MAX);
		if (video != FIELD_COUNTS)
			tally->fields[video] = MIN(tally->modals[MODALITY_VIDEO], USAGE_COUNT_MAX);
	}
	memset(tally->modals, 0, sizeof(tally->modals));
}

static void take_modal_tokens(struct tally *tally, const struct jscan_value *value)
{
	int64_t count;

	if (read_count(tally, FIELD_MODAL_TOKENS, value, &count))
		tally->modal_tokens = count;
}

/* ---- a value, a text ---- */

void tally_take(struct tally *tally, enum dialect_field field, const struct jscan_value *value)
{
	switch (field) {
	case FIELD_MODEL:
		take_name(value, tally->model, sizeof(tally->model), &tally->model_len);
		break;
	case FIELD_TIER: take_tier(tally, value); break;
	case FIELD_GEO: take_geo(tally, value); break;
	case FIELD_SPEED: tally->is_fast = str_eq(value->text, STR("fast")); break;
	case FIELD_BLOCK: tally->has_block |= value->type == JSCAN_OBJECT; break;
	case FIELD_CHOICES:
		tally->has_no_choices = value->type == JSCAN_ARRAY && value->count == 0;
		break;
	case FIELD_CHOICE: take_choice(tally, value); break;
	case FIELD_TYPE: tally_take_type(tally, value->text); break;
	case FIELD_DONE: tally->is_terminal |= value->type == JSCAN_TRUE; break;
	case FIELD_FINISH: tally->is_final |= value->type != JSCAN_NULL; break;
	case FIELD_ITEM_TYPE: take_item(tally, value); break;
	case FIELD_DONE_ITEM: tally->done_item = item_fee(value->text); break;
	case FIELD_TEXT: take_delta(tally, value); break;
	case FIELD_QUERIES:
		tally->queries += value->type == JSCAN_ARRAY ? (int64_t)value->count : 0;
		break;
	case FIELD_IMAGE_LIST:
		if (value->type == JSCAN_ARRAY)
			tally->fields[FIELD_IMAGES] = (int64_t)value->count;
		break;
	case FIELD_MODALITY: take_modality(tally, value->text); break;
	case FIELD_MODAL_TOKENS: take_modal_tokens(tally, value); break;
	case FIELD_MODAL: add_modal(tally); break;
	case FIELD_PROMPT_MODALS:
		set_modals(tally, value, FIELD_IN_AUDIO, FIELD_IN_IMAGE, FIELD_IN_VIDEO);
		break;
	case FIELD_CACHE_MODALS:
		set_modals(tally, value, FIELD_READ_AUDIO, FIELD_READ_IMAGE, FIELD_READ_VIDEO);
		break;
	case FIELD_OUTPUT_MODALS:
		set_modals(tally, value, FIELD_OUT_AUDIO, FIELD_OUT_IMAGE, FIELD_COUNTS);
		break;
	default: take_count(tally, field, value); break;
	}
}

/* A running block beside one answer's text counts that answer alone: the request is the sum over
 * the answers, until a block that stands beside none replaces them all. */
static void add_answer(struct tally *tally)
{
	uint64_t sum = 0;

	if (tally->output < 0 || tally->choices != 1)
		return;
	tally->answers = MAX(tally->answers, tally->choice + 1);
	tally->outputs[tally->choice] = (uint32_t)MIN(tally->output, UINT32_MAX);
	if (tally->answers == 1)
		return;
	for (unsigned i = 0; i < tally->answers; i++)
		sum += tally->outputs[i];
	tally->fields[FIELD_OUTPUT] = (int64_t)sum;
	tally->fields[FIELD_TOTAL] = -1;
}

void tally_end(struct tally *tally, bool splits_answers)
{
	if (splits_answers)
		add_answer(tally);
	if (tally->queries > 0)
		tally->fees[FEE_SEARCH] = tally->queries;
	if (tally->has_block) {
		bool has_items = false;

		/* The block of a terminal event stands beside all of its output. */
		for (unsigned i = 0; i < FEE_COUNT; i++)
			has_items |= tally->items[i] > 0;
		if (has_items)
			memcpy(tally->fees, tally->items, sizeof(tally->fees));
		tally->has_fee_list |= has_items;
	}
	if (tally->is_item_done && tally->done_item != FEE_COUNT && !tally->has_fee_list)
		tally->fees[tally->done_item]++;
}
