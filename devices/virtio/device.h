// A virtio device as its transport sees it: OASIS virtio 1.2, chapter 2. The transport owns queues, status and
// features; the device owns its configuration space and the meaning of requests.
#pragma once
#include <memory>
#include <string>

#include "core/archive.h"
#include "devices/registry.h"
#include "devices/virtio/virtqueue.h"

namespace ferry::devices::virtio {

class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;
  virtual u32 id() const = 0;  // 5: device types
  // Besides those of the ring, which the transport adds.
  virtual u64 features() const = 0;
  virtual unsigned queue_count() const = 0;
  virtual u16 queue_size(unsigned queue) const = 0;  // the largest
  // One byte of the configuration space; 0 beyond its end. With the transport's lock held.
  virtual u8 config(u32 offset) const = 0;
  virtual void write_config(u32 /*offset*/, u8 /*value*/) {}
  // Serves one request; returns how many bytes of its writable part are valid. No lock held; one at a time.
  // `queue.break_off` when it is beyond repair.
  virtual u32 serve(VirtQueue& queue, unsigned index, const Chain& chain, u64 features) = 0;
  // How long a request takes in virtual time, ns.
  virtual u64 latency_ns() const = 0;
  // State beside the queues.
  virtual void reset() {}
  virtual void visit(Archive& /*archive*/) {}
};

struct VirtioModel {
  const char* name;  // as `-device` spells it
  const char* sentence;
  Result<std::unique_ptr<VirtioDevice>> (*make)(const DeviceContext& context);
};
std::span<const VirtioModel> virtio_models();
const VirtioModel* find_virtio_model(std::string_view name);

}  // namespace ferry::devices::virtio
