/* chat_template.h: the chat template that comes with vocabularies made here (Jinja), 0-terminated.
 */
#ifndef WEIR_TRAIN_CHAT_TEMPLATE_H
#define WEIR_TRAIN_CHAT_TEMPLATE_H

extern const char weir_chat_template[];

#endif
