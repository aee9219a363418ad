// Whole files into memory, with the errors a person can act on.
#pragma once
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::machines {

// The content of a regular file. `what` completes "expected ...": "a device tree blob". Errors: missing, unreadable, a
// folder, larger than `limit` bytes, empty.
Result<std::vector<u8>> read_file(const std::string& path, u64 limit, const std::string& what);

}  // namespace ferry::machines
