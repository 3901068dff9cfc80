#include "pgr_document.h"
