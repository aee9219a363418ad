// What a boot image puts into memory.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace ferry::machines {

class OpenFile;

// Content at a physical address, followed by zeroes up to `size`. The content is `bytes`, or all of `file`: a large
// file is read straight to where it goes, since memory that only passes it on would have to be found and cleared too.
struct Segment {
  u64 address = 0;
  u64 size = 0;  // content_size() or more
  std::vector<u8> bytes;
  std::string what;  // "vmlinuz", for messages
  std::shared_ptr<const OpenFile> file = nullptr;

  u64 content_size() const;
  // Puts the content to `to`. The Errors of OpenFile::read.
  Status copy_content(u8* to) const;
};

}  // namespace ferry::machines
