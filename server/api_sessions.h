/* api_sessions.h: what serves /v1/sessions; for service.c's table. */
#ifndef WEIR_SERVER_API_SESSIONS_H
#define WEIR_SERVER_API_SESSIONS_H

#include "service.h"

void weir_handle_sessions(weir_service *service, weir_exchange *x);
void weir_handle_session_save(weir_service *service, weir_exchange *x);
void weir_handle_session_get(weir_service *service, weir_exchange *x);
void weir_handle_session_delete(weir_service *service, weir_exchange *x);
void weir_handle_session_change(weir_service *service, weir_exchange *x);

#endif
