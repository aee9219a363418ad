#!/bin/sh
# assemble.sh AS OBJCOPY cases.txt cases.bin: one 64-byte slot for each case, filled up with 00c0ffee. The assembler source has the line
# numbers of the text, so that its messages name the case.
set -e
sed -e 's/^#.*//' -e 's/|.*//' -e 's/\(.*[^ ].*\)/\1 ; .balignl 64, 0x00c0ffee/' "$3" > "$4.s"
"$1" -march=armv8.6-a+crc+crypto+sha3+sm4+fp16+fp16fml+bf16+i8mm+flagm -o "$4.o" "$4.s"
"$2" -O binary -j .text "$4.o" "$4"
