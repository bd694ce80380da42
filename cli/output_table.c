// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables aligned to their content, and to the terminal. */
#include "output_table.h"

#include "output.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define GAP	     2 /* blanks between columns */
#define CELL_SIZE    1024
#define LEAST_WIDTH  12 /* that a cut column keeps, if its heading is not wider */
#define GOOD_WIDTH   24 /* that each keeps as long as there is an optional one to leave out */
#define HIDDEN_WIDTH (-1)

static bool has_no_legend;
static const char *ellipsis = "…";

void table_set(bool no_legend, bool is_ascii)
{
	has_no_legend = no_legend;
	ellipsis = is_ascii ? "~" : "…";
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

/* The next character: its bytes, and its places on a terminal. */
static size_t next_character(const char *text, int *width)
{
	mbstate_t state = {0};
	wchar_t character;
	size_t length = mbrtowc(&character, text, strlen(text), &state);

	*width = 1;
	if (length == (size_t)-1 || length == (size_t)-2 || !length)
		return 1;
	*width = wcwidth(character);
	if (*width < 0)
		*width = 1;
	return length;
}

static int width_of(const char *text)
{
	int width = 0, one;

	for (; *text; width += one)
		text += next_character(text, &one);
	return width;
}

static int column_width(const struct table *table, size_t column)
{
	int width = has_no_legend ? 0 : width_of(table->columns[column].name);

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (width_of(table->cells[i].text) > width)
			width = width_of(table->cells[i].text);
	return width;
}

int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !isatty(STDOUT_FILENO))
		return 0;
	return size.ws_col;
}

/* What is left of a column of @width that is cut to @least places. */
static int cut_width(const struct table *table, size_t column, int width, int least)
{
	int heading = width_of(table->columns[column].name);

	if (table->columns[column].is_number)
		return width;
	if (least < heading)
		least = heading;
	return width < least ? width : least;
}

/* The places that a line takes whose columns are cut to @least. */
static int line_width(const struct table *table, const int *widths, int least)
{
	int sum = -GAP;

	for (size_t column = 0; column < table->column_count; column++) {
		if (widths[column] == HIDDEN_WIDTH)
			continue;
		sum += GAP + cut_width(table, column, widths[column], least);
	}
	return sum;
}

static void hide_optional(const struct table *table, int *widths, int room)
{
	for (size_t i = table->column_count; i-- > 0;)
		if (table->columns[i].is_optional && line_width(table, widths, GOOD_WIDTH) > room)
			widths[i] = HIDDEN_WIDTH;
}

/* Takes a place from the widest column that has one to give. */
static bool narrow(const struct table *table, int *widths)
{
	size_t widest = table->column_count;

	for (size_t i = 0; i < table->column_count; i++) {
		if (widths[i] == HIDDEN_WIDTH ||
		    widths[i] <= cut_width(table, i, widths[i], LEAST_WIDTH))
			continue;
		if (widest == table->column_count || widths[i] > widths[widest])
			widest = i;
	}
	if (widest == table->column_count)
		return false;
	widths[widest]--;
	return true;
}

static void fit(const struct table *table, int *widths)
{
	int room = terminal_width();

	if (!room)
		return;
	hide_optional(table, widths, room);
	while (line_width(table, widths, INT_MAX) > room && narrow(table, widths))
		;
}

/* As much of the text as has @width places. */
static void print_cut(const char *text, int width)
{
	int used = 0, one;

	for (size_t length; *text; text += length, used += one) {
		length = next_character(text, &one);
		if (used + one > width - 1)
			break;
		fwrite(text, 1, length, stdout);
	}
	printf("%s%*s", ellipsis, width - 1 - used, "");
}

static void print_cell(const struct table *table, size_t column, int width, const char *text,
		       enum colour paint)
{
	int blanks = width - width_of(text);
	bool is_painted = paint != COLOUR_NONE;

	if (is_painted)
		fputs(colour(paint), stdout);
	if (blanks < 0)
		print_cut(text, width);
	else if (table->columns[column].is_number)
		printf("%*s%s", blanks, "", text);
	else
		fputs(text, stdout);
	if (is_painted)
		fputs(colour(COLOUR_NONE), stdout);
	if (blanks > 0 && !table->columns[column].is_number)
		printf("%*s", blanks, "");
}

static const char *text_in(const struct table *table, size_t column, const struct cell *cells)
{
	return cells ? cells[column].text : table->columns[column].name;
}

/* The last one that has something in this row: no blanks at the end of a line. */
static size_t last_column(const struct table *table, const int *widths, const struct cell *cells)
{
	size_t last = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths[i] != HIDDEN_WIDTH && *text_in(table, i, cells))
			last = i;
	return last;
}

static void print_row(const struct table *table, const int *widths, const struct cell *cells)
{
	size_t last = last_column(table, widths, cells);

	for (size_t i = 0; i <= last; i++) {
		const char *text = text_in(table, i, cells);
		enum colour paint = cells ? cells[i].colour : COLOUR_NONE;
		int width = widths[i];

		if (width == HIDDEN_WIDTH)
			continue;
		if (i == last && !table->columns[i].is_number && width_of(text) < width)
			width = width_of(text);
		print_cell(table, i, width, text, paint);
		if (i != last)
			printf("%*s", GAP, "");
	}
	putchar('\n');
}

void table_print(struct table *table)
{
	int widths[COLUMNS_MAX];

	assert(table->column_count > 0 && table->column_count <= COLUMNS_MAX);
	for (size_t column = 0; column < table->column_count; column++)
		widths[column] = column_width(table, column);
	fit(table, widths);
	if (!has_no_legend)
		print_row(table, widths, NULL);
	for (size_t i = 0; i < table->cell_count; i += table->column_count)
		print_row(table, widths, table->cells + i);
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}
