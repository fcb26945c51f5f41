/* /control/...: what a test asks and sets. Answers are JSON but for products.csv. */
#pragma once

#include "sim.h"

bool sim_control_serves(const char *path);
void sim_control_handle(struct sim *sim, struct sim_request *request, struct sim_response *response);
