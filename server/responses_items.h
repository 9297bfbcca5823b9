/*
 * responses_items.h: the "input" of a request of the Responses API as messages; for
 * responses_read.c alone.
 */
#ifndef WEIR_SERVER_RESPONSES_ITEMS_H
#define WEIR_SERVER_RESPONSES_ITEMS_H

#include "service.h"

#include "conversation.h"

/* Adds them behind the conversation. call_names: an object, id of a call -> name of its tool, for
 * calls that were made before; those of the input are added. */
void weir_responses_read_input(weir_request *request, const weir_service *service,
                               json_t *call_names, weir_conversation *conversation);

#endif
