/* What the tracked products will cost; said after they were changed. */
#pragma once

#include "session.h"

/* On stdout; that the plan would not keep up, on stderr too. Without Redis it says what is not known. */
void print_forecast(struct session *s);
