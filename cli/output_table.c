// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables aligned to their content. */
#include "output.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP	  2 /* blanks between columns */
#define CELL_SIZE 1024

void table_add(struct table *table, const char *format, ...)
{
	char **cells = realloc(table->cells, (table->cell_count + 1) * sizeof(*cells));
	char text[CELL_SIZE];
	va_list args;

	if (!cells)
		abort();
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table->cells = cells;
	cells[table->cell_count] = strdup(shown(text));
	if (!cells[table->cell_count++])
		abort();
}

/* Characters of UTF-8 text, each taken as one place wide. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static int column_width(const struct table *table, size_t column)
{
	int width = width_of(table->columns[column].name);

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	return width;
}

static void print_cell(const struct table *table, size_t column, int width, const char *text)
{
	int blanks = width - width_of(text);
	bool is_last = column + 1 == table->column_count;

	if (table->columns[column].is_number)
		printf("%*s%s", blanks, "", text);
	else
		printf("%s%*s", text, is_last ? 0 : blanks, "");
	if (is_last)
		putchar('\n');
	else
		printf("%*s", GAP, "");
}

void table_print(struct table *table)
{
	int widths[COLUMNS_MAX];

	assert(table->column_count > 0 && table->column_count <= COLUMNS_MAX);
	for (size_t column = 0; column < table->column_count; column++)
		widths[column] = column_width(table, column);
	for (size_t column = 0; column < table->column_count; column++)
		print_cell(table, column, widths[column], table->columns[column].name);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;

		print_cell(table, column, widths[column], table->cells[i]);
		free(table->cells[i]);
	}
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}
