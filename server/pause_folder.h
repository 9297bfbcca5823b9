/*
 * pause_folder.h: the folder that timelines are moved out to: of one process, readable to nobody
 * else. What is in it are people's conversations, so that a process that was killed must not leave
 * them behind for long: whoever makes such a folder next removes those that nobody holds any more.
 */
#ifndef WEIR_SERVER_PAUSE_FOLDER_H
#define WEIR_SERVER_PAUSE_FOLDER_H

#include <stdbool.h>

/* Makes one in `parent`: *path is its name, *lock what holds it. false: there is no room for one.
 */
bool weir_pause_folder_open(const char *parent, char **path, int *lock);
/* Removes it with all that is in it. A path that is NULL is none. */
void weir_pause_folder_close(char **path, int *lock);

#endif
