/*
 * gen_tool_work.h: functions that the tables of the tool dialogues name: prepare sets arguments
 * that belong together, work computes a result.
 */
#ifndef WEIR_TRAIN_GEN_TOOL_WORK_H
#define WEIR_TRAIN_GEN_TOOL_WORK_H

#include "train/gen_tool.h"

void weir_tool_work_add(weir_gen *g, weir_tool_case *use);
void weir_tool_work_subtract(weir_gen *g, weir_tool_case *use);
void weir_tool_work_multiply(weir_gen *g, weir_tool_case *use);
void weir_tool_prepare_divide(weir_gen *g, weir_tool_case *use);
void weir_tool_work_divide(weir_gen *g, weir_tool_case *use);
void weir_tool_work_percent(weir_gen *g, weir_tool_case *use);
void weir_tool_prepare_expression(weir_gen *g, weir_tool_case *use);
void weir_tool_work_expression(weir_gen *g, weir_tool_case *use);
void weir_tool_prepare_units(weir_gen *g, weir_tool_case *use);
void weir_tool_work_units(weir_gen *g, weir_tool_case *use);
void weir_tool_work_fahrenheit(weir_gen *g, weir_tool_case *use);
void weir_tool_work_kilometers(weir_gen *g, weir_tool_case *use);
void weir_tool_work_kilograms(weir_gen *g, weir_tool_case *use);
void weir_tool_prepare_codes(weir_gen *g, weir_tool_case *use);
void weir_tool_prepare_monies(weir_gen *g, weir_tool_case *use);
void weir_tool_work_money(weir_gen *g, weir_tool_case *use);
void weir_tool_work_split(weir_gen *g, weir_tool_case *use);
void weir_tool_work_tip(weir_gen *g, weir_tool_case *use);
void weir_tool_work_meaning(weir_gen *g, weir_tool_case *use);
void weir_tool_work_synonym(weir_gen *g, weir_tool_case *use);
void weir_tool_work_letters(weir_gen *g, weir_tool_case *use);

#endif
