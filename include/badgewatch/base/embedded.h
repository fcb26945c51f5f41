/* Texts that the build puts inside the binary (cmake/BwEmbed.cmake): SQL of the migrations, Lua scripts. */
#pragma once

struct bw_embedded {
    const char *name; /* file name without its folder; NULL ends a table */
    const char *text;
};
