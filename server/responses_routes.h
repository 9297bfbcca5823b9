/*
 * responses_routes.h: what the Responses API serves beside POST; for service.c's table.
 */
#ifndef WEIR_SERVER_RESPONSES_ROUTES_H
#define WEIR_SERVER_RESPONSES_ROUTES_H

#include "service.h"

void weir_handle_response_get(weir_service *service, weir_exchange *x);    /* api_responses.c */
void weir_handle_response_delete(weir_service *service, weir_exchange *x); /* api_responses.c */

#endif
