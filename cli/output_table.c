// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables aligned to their content, and to the terminal. */
#include "output_table.h"

#include "output.h"
#include "prose.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP	     2 /* blanks between columns */
#define CELL_SIZE    1024
#define HIDDEN_WIDTH (-1)

/* What a narrowed column keeps, if its heading is not wider. */
#define TEXT_WIDTH	10
#define WORD_WIDTH	14 /* of its longest word; "container:web" stays whole */
#define UNDIVIDED_WIDTH 18 /* "tcp/127.0.0.1:9222" */
#define GOOD_WIDTH	24 /* as long as another can be narrowed, or left out */
#define BESIDE_WIDTH	32 /* what could stand below its row has to have beside it */

static bool has_no_legend;

void table_set(bool no_legend)
{
	has_no_legend = no_legend;
}

void table_add(struct table *table, const char *format, ...)
{
	struct cell *cells = realloc(table->cells, (table->cell_count + 1) * sizeof(*cells));
	char text[CELL_SIZE];
	va_list args;

	if (!cells)
		abort();
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table->cells = cells;
	cells[table->cell_count] = (struct cell){strdup(shown(text)), COLOUR_NONE};
	if (!cells[table->cell_count++].text)
		abort();
}

void table_paint(struct table *table, enum colour colour)
{
	table->cells[table->cell_count - 1].colour = colour;
}

static int column_width(const struct table *table, size_t column)
{
	int width = has_no_legend ? 0 : text_width(table->columns[column].name);

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (text_width(table->cells[i].text) > width)
			width = text_width(table->cells[i].text);
	return width;
}

static int longest_word(const struct table *table, size_t column)
{
	int width = 0;

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		for (const char *next, *word = table->cells[i].text; *word; word = next) {
			size_t length = text_line(word, 1, false, &next);

			if (text_width_of(word, length) > width)
				width = text_width_of(word, length);
		}
	return width;
}

/* How far a column can be narrowed. */
static int least_width(const struct table *table, size_t column, int width)
{
	const struct column *kind = &table->columns[column];
	int least = kind->is_undivided ? UNDIVIDED_WIDTH : TEXT_WIDTH;
	int heading = text_width(kind->name);

	if (kind->is_number)
		return width;
	if (!kind->is_undivided && !kind->is_text)
		least = longest_word(table, column);
	if (!kind->is_undivided && least > WORD_WIDTH)
		least = WORD_WIDTH;
	if (least < heading)
		least = heading;
	return width < least ? width : least;
}

/**
 * struct layout - columns on a terminal
 * @widths: or HIDDEN_WIDTH
 * @least: that they can be narrowed to
 * @below: the column that stands below its row, and is hidden in it; COLUMNS_MAX: none
 */
struct layout {
	int widths[COLUMNS_MAX];
	int least[COLUMNS_MAX];
	size_t below;
};

/* The places that a line takes whose columns are narrowed to @good, or as far as they can be. */
static int line_width(const struct table *table, const struct layout *layout, int good)
{
	int sum = -GAP;

	for (size_t i = 0; i < table->column_count; i++) {
		int width = layout->widths[i];

		if (width == HIDDEN_WIDTH)
			continue;
		if (width > good)
			width = good > layout->least[i] ? good : layout->least[i];
		sum += GAP + width;
	}
	return sum;
}

static bool is_empty(const struct table *table, size_t column)
{
	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (*table->cells[i].text)
			return false;
	return true;
}

/* The places that a line takes where @width of them are this column's, and the optional ones are left out. */
static int least_line(const struct table *table, struct layout layout, size_t column, int width)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].is_optional)
			layout.widths[i] = HIDDEN_WIDTH;
	layout.widths[column] = width;
	return line_width(table, &layout, INT_MAX);
}

/* Beside the others stays what is short, and what leaves room for all of them and for some of its words. */
static bool stays_beside(const struct table *table, struct layout layout, size_t column, int room)
{
	int width = layout.widths[column];

	if (is_empty(table, column))
		return false;
	if (width <= BESIDE_WIDTH)
		return least_line(table, layout, column, width) <= room;
	layout.widths[column] = BESIDE_WIDTH;
	return line_width(table, &layout, INT_MAX) <= room;
}

static void put_below(const struct table *table, struct layout *layout, int room)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (!table->columns[i].is_below || stays_beside(table, *layout, i, room))
			continue;
		layout->widths[i] = HIDDEN_WIDTH;
		if (!is_empty(table, i))
			layout->below = i;
	}
}

static void hide_optional(const struct table *table, struct layout *layout, int room)
{
	for (size_t i = table->column_count; i-- > 0;)
		if (table->columns[i].is_optional && line_width(table, layout, GOOD_WIDTH) > room)
			layout->widths[i] = HIDDEN_WIDTH;
}

/* The column that a place is taken from: of text, then the widest. */
static size_t next_to_narrow(const struct table *table, const struct layout *layout)
{
	size_t widest = table->column_count;

	for (size_t i = 0; i < table->column_count; i++) {
		int width = layout->widths[i];

		if (width == HIDDEN_WIDTH || width <= layout->least[i])
			continue;
		if (table->columns[i].is_text && width > GOOD_WIDTH)
			return i;
		if (widest == table->column_count || width > layout->widths[widest])
			widest = i;
	}
	return widest;
}

static void fit(const struct table *table, struct layout *layout)
{
	int room = stream_width(stdout);

	if (!room || line_width(table, layout, INT_MAX) <= room)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		layout->least[i] = least_width(table, i, layout->widths[i]);
	put_below(table, layout, room);
	hide_optional(table, layout, room);
	while (line_width(table, layout, INT_MAX) > room) {
		size_t column = next_to_narrow(table, layout);

		if (column == table->column_count)
			return;
		layout->widths[column]--;
	}
}

/**
 * struct row - what is still to be printed of a row
 * @rest: of each column
 * @is_continued: its first line has been printed
 */
struct row {
	const char *rest[COLUMNS_MAX];
	enum colour paint[COLUMNS_MAX];
	bool is_continued;
};

/* A part of a cell, padded unless it is the last of its line. */
static void print_cell(const char *text, size_t length, int blanks, bool is_right, bool is_last,
		       enum colour paint)
{
	printf("%*s", is_right ? blanks : 0, "");
	if (paint != COLOUR_NONE && length)
		printf("%s%.*s%s", colour(paint), (int)length, text, colour(COLOUR_NONE));
	else
		fwrite(text, 1, length, stdout);
	if (!is_last)
		printf("%*s", (is_right ? 0 : blanks) + GAP, "");
}

/* The last one that has something left: no blanks at the end of a line. */
static size_t last_column(const struct table *table, const int *widths, const struct row *row)
{
	size_t last = table->column_count;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths[i] != HIDDEN_WIDTH && *row->rest[i])
			last = i;
	return last;
}

/* How much of a cell goes on this line. @start: of its column. Return: bytes. */
static size_t take(const struct table *table, size_t column, int width, int start,
		   const char **rest)
{
	const char *text = *rest;
	int whole = text_width(text), room = stream_width(stdout);

	if (table->columns[column].is_undivided && whole > width && start + whole <= room) {
		*rest = text + strlen(text);
		return strlen(text);
	}
	return text_line(text, width > 0 ? width : 1, true, rest);
}

/*
 * As much of each cell as has room. What goes on in the first column hangs: a name with a blank in it
 * must not look like a row of its own.
 */
static void print_line(const struct table *table, const int *widths, struct row *row, size_t last)
{
	int start = 0, blanks = 0;

	for (size_t i = 0; i <= last && blanks >= 0; i++) {
		const char *text = row->rest[i];
		bool is_number = table->columns[i].is_number;
		int hang = row->is_continued && !start && *text;
		int width = widths[i] - hang;
		size_t length;

		if (widths[i] == HIDDEN_WIDTH)
			continue;
		length = take(table, i, width, start + hang, &row->rest[i]);
		blanks = width - text_width_of(text, length); /* < 0: it ends the line */
		printf("%*s", hang, "");
		print_cell(text, length, blanks < 0 ? 0 : blanks, is_number,
			   blanks < 0 || i == last, row->paint[i]);
		start += widths[i] + GAP;
	}
	putchar('\n');
	row->is_continued = true;
}

/* Further in than the second column, so that it is no row, and as wide as the terminal. */
static void print_below(const struct layout *layout, const char *text)
{
	int indent = layout->widths[0] + 2 * GAP, room = stream_width(stdout) - indent;

	while (*text) {
		const char *line = text;
		size_t length = text_line(line, room > 0 ? room : 1, true, &text);

		printf("%*s%.*s\n", indent, "", (int)length, line);
	}
}

/* @cells: NULL: the heading */
static void print_row(const struct table *table, const struct layout *layout,
		      const struct cell *cells)
{
	const int *widths = layout->widths;
	size_t below = layout->below;
	struct row row = {.is_continued = false};
	size_t last;

	for (size_t i = 0; i < table->column_count; i++) {
		row.rest[i] = cells ? cells[i].text : table->columns[i].name;
		row.paint[i] = cells ? cells[i].colour : COLOUR_NONE;
	}
	last = last_column(table, widths, &row);
	if (last == table->column_count)
		last = 0; /* an empty row is an empty line */
	do {
		print_line(table, widths, &row, last);
		last = last_column(table, widths, &row);
	} while (last < table->column_count);
	if (below < table->column_count)
		print_below(layout, cells ? cells[below].text : table->columns[below].name);
}

void table_print(struct table *table)
{
	struct layout layout = {.below = COLUMNS_MAX};

	assert(table->column_count > 0 && table->column_count <= COLUMNS_MAX);
	for (size_t column = 0; column < table->column_count; column++)
		layout.widths[column] = column_width(table, column);
	fit(table, &layout);
	if (!has_no_legend)
		print_row(table, &layout, NULL);
	for (size_t i = 0; i < table->cell_count; i += table->column_count)
		print_row(table, &layout, table->cells + i);
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}
