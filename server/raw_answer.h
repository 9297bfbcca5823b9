/*
 * raw_answer.h: what the model wrote (replay.h) put back into what a client says that it said.
 */
#ifndef WEIR_SERVER_RAW_ANSWER_H
#define WEIR_SERVER_RAW_ANSWER_H

#include "conversation.h"

/* Does raw [n] have the same content and the same calls as this answer? People change answers, and
 * then the model's text is no longer what was said. Clients read arguments and write them anew,
 * with other spaces and in another order, so they are compared as JSON values. Thinking does not
 * count: few clients give it back. */
bool weir_raw_says(const char *raw, size_t n, const weir_message *message);
/* Takes raw [n] over, which may be NULL. If it says what the message says it becomes the message's,
 * whose arguments then are as the model wrote them; else the message stays as it is. */
void weir_message_put_raw(weir_message *message, char *raw, size_t n);

#endif
