#include "outputs.h"
