#ifndef PANTALA_CMIMALLOC_H
#define PANTALA_CMIMALLOC_H
#include <mimalloc.h>
#endif
