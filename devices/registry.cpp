#include "devices/registry.h"

#include "devices/cfi_flash.h"
#include "devices/fw_cfg.h"
#include "devices/gicv3.h"
#include "devices/pl011.h"
#include "devices/pl031.h"
#include "devices/pl061.h"
#include "devices/stub_device.h"
#include "devices/virtio/mmio.h"

namespace ferry::devices {
namespace {

template <class T>
Result<std::unique_ptr<Device>> make(const DeviceContext& context) {
  return std::unique_ptr<Device>(std::make_unique<T>(context));
}

// One row a model.
constexpr Model kModels[] = {
    {"arm,gic-v3", "Generic Interrupt Controller, version 3", Gicv3::make},
    {"arm,pl011", "PrimeCell UART (PL011)", make<Pl011>},
    {"arm,pl031", "PrimeCell real-time clock (PL031)", make<Pl031>},
    {"arm,pl061", "PrimeCell GPIO (PL061)", make<Pl061>},
    {"cfi-flash", "NOR flash with the Intel command set", CfiFlash::make},
    {"qemu,fw-cfg-mmio", "firmware configuration (fw_cfg)", make<FwCfg>},
    {"virtio,mmio", "virtio transport over MMIO", virtio::VirtioMmio::make},
};

}  // namespace

u32 DeviceContext::cell(const std::string& property, u32 otherwise) const {
  const auto it = properties.find(property);
  if (it == properties.end() || it->second.size() != 4) return otherwise;
  u32 value = 0;
  for (const u8 byte : it->second) value = value << 8 | byte;
  return value;
}

const std::string* DeviceContext::option(const std::string& key) const {
  const auto it = options.find(key);
  return it == options.end() ? nullptr : &it->second;
}

std::span<const Model> models() { return kModels; }

const Model* find_model(std::string_view compatible) {
  for (const Model& model : kModels) {
    if (compatible == model.compatible) return &model;
  }
  return nullptr;
}

Result<std::unique_ptr<Device>> make_device(std::span<const std::string> compatibles, const DeviceContext& context) {
  for (const std::string& compatible : compatibles) {
    if (const Model* model = find_model(compatible)) return model->make(context);
  }
  return std::unique_ptr<Device>(std::make_unique<StubDevice>(context));
}

}  // namespace ferry::devices
