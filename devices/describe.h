// The reference page of the device models, written from the registers themselves (docs/reference/devices.md).
#pragma once
#include <string>

namespace ferry::devices {

// Markdown: every model with its windows' registers and fields, then what can be plugged into virtio slots.
std::string describe_models();

}  // namespace ferry::devices
