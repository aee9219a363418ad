#include "devices/stub_device.h"

#include "core/log.h"

namespace ferry::devices {

StubDevice::StubDevice(const DeviceContext& context) : Device(context.name) {
  for (usize i = 0; i < context.reg_sizes.size(); ++i) {
    windows_.push_back(std::make_unique<Window>(name(), i));
    add_region(*windows_.back());
  }
}

u64 StubDevice::Window::read(u64 offset, unsigned size) {
  unimplemented("{}: no model: read of {} bytes at {:#x} of window {}", name_, size, offset, index_);
  return 0;
}

void StubDevice::Window::write(u64 offset, unsigned size, u64 value) {
  unimplemented("{}: no model: write of {:#x}, {} bytes, at {:#x} of window {}", name_, value, size, offset, index_);
}

}  // namespace ferry::devices
