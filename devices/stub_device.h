// StubDevice: stands where a node has no model. Reads are zero, writes go nowhere, each is logged under `unimp` with
// the node's name.
#pragma once
#include "devices/registry.h"

namespace ferry::devices {

class StubDevice : public Device {
 public:
  explicit StubDevice(const DeviceContext& context);

 private:
  class Window : public MmioHandler {
   public:
    Window(const std::string& name, usize index) : name_(name), index_(index) {}
    u64 read(u64 offset, unsigned size) override;
    void write(u64 offset, unsigned size, u64 value) override;

   private:
    const std::string& name_;
    usize index_;
  };
  std::vector<std::unique_ptr<Window>> windows_;
};

}  // namespace ferry::devices
