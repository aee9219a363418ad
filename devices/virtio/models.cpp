#include "devices/virtio/blk.h"
#include "devices/virtio/device.h"
#include "devices/virtio/rng.h"

namespace ferry::devices::virtio {
namespace {

// One row a device.
constexpr VirtioModel kModels[] = {
    {"virtio-blk-device", "block device (drive=ID, serial=TEXT)", VirtioBlk::make},
    {"virtio-rng-device", "source of randomness", VirtioRng::make},
};

}  // namespace

std::span<const VirtioModel> virtio_models() { return kModels; }

const VirtioModel* find_virtio_model(std::string_view name) {
  for (const VirtioModel& model : kModels) {
    if (name == model.name) return &model;
  }
  return nullptr;
}

}  // namespace ferry::devices::virtio
