#include "pgr_history_export.h"
