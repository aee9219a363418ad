#!/bin/sh
# Runs inside the Debian guest: user space programs whose results are known or can be held against each other.
# usage: checks.sh SIZE GROUP...    SIZE: quick or full. Prints `CHECK GROUP NAME ok|FAILED`, `DIGEST NAME VALUE`, `TIME GROUP SECONDS`.
size=$1; shift
here=$(dirname "$(readlink -f "$0")")
export LC_ALL=C HOME=/run TMPDIR=/run/tmp
mkdir -p $TMPDIR; cd $TMPDIR || exit 1

result() { # GROUP NAME STATUS
  if [ "$3" = 0 ]; then echo "CHECK $1 $2 ok"; else echo "CHECK $1 $2 FAILED"; fi
}
same() { # GROUP NAME VALUE EXPECTED
  if [ "$3" = "$4" ]; then echo "CHECK $1 $2 ok"; else echo "CHECK $1 $2 FAILED ($3, expected $4)"; fi
}
sha() { sha256sum "$@" | cut -d' ' -f1; }

# --- openssl against known answers and another processor's openssl. Twice: with the processor's crypto instructions, and with none.
openssl_once() { # SUFFIX
  cut -d' ' -f1 "$here/digest.txt" | sort -u | while read -r name; do
    files=$(grep "^$name " "$here/digest.txt" | cut -d' ' -f2)
    (cd "$here/in" && openssl dgst "-$name" -r $files) 2>&1 | sed "s/ \*/ /; s/ in\// /" | while read -r hex file; do echo "$name $file $hex"; done > got
    grep "^$name " "$here/digest.txt" > wanted
    cmp -s got wanted; result openssl "dgst-$name$1" $?
  done
  while read -r name key iv file hash padding; do
    [ "$size" = full ] || case $file in r16|r1000|fips197) ;; *) continue ;; esac
    set -- "$1" enc "-$name" -K "$key"
    [ "$iv" = - ] || set -- "$@" -iv "$iv"
    [ "$padding" = pad ] || set -- "$@" -nopad
    suffix=$1; shift
    openssl "$@" -in "$here/in/$file" -out cipher 2> err; same openssl "$name-$file$suffix" "$(sha cipher)" "$hash"
    openssl "$@" -d -in cipher -out plain 2> err; cmp -s plain "$here/in/$file"; result openssl "$name-$file-back$suffix" $?
    set -- "$suffix"
  done < "$here/cipher.txt"
  while IFS='|' read -r words file hex; do
    same openssl "mac-${words##* }-$file$1" "$(openssl mac -in "$here/in/$file" $words 2>&1 | tr A-Z a-z)" "$hex"
  done < "$here/mac.txt"
  while IFS='|' read -r words hex; do
    same openssl "kdf-${words##* }$1" "$(openssl kdf $words 2>&1 | tr -d ':\n' | tr A-Z a-z)" "$hex"
  done < "$here/kdf.txt"
  while read -r name file hash raw; do
    openssl pkeyutl -verify -inkey "$here/in/$name.key" -in "$here/in/$file" -sigfile "$here/in/$name.sig" $raw > err 2>&1; result openssl "verify-$name$1" $?
    openssl pkeyutl -sign -inkey "$here/in/$name.key" -in "$here/in/$file" -out sig $raw 2> err
    [ "$hash" = - ] || same openssl "sign-$name$1" "$(sha sig)" "$hash"
    openssl pkeyutl -verify -inkey "$here/in/$name.key" -in "$here/in/$file" -sigfile sig $raw > err 2>&1; result openssl "sign-verify-$name$1" $?
    # A signature of something else must not pass.
    ! openssl pkeyutl -verify -inkey "$here/in/$name.key" -in "$here/in/r63" -sigfile sig $raw > err 2>&1; result openssl "forged-$name$1" $?
  done < "$here/sign.txt"
  openssl pkeyutl -derive -inkey "$here/in/x25519-a.key" -peerkey "$here/in/x25519-b.pub" -out secret 2> err
  same openssl "derive-x25519$1" "$(sha secret)" "$(cat "$here/derive.txt")"
}
group_openssl() {
  openssl_once ""
  OPENSSL_armcap=0; export OPENSSL_armcap
  openssl_once -plain
  unset OPENSSL_armcap
}

# --- Packers: what goes in comes out, and the packed file is the same on every machine.
material() {
  [ -f text ] || for i in 1 2 3; do cat /usr/lib/python3.11/[a-d]*.py; done | head -c "$1" > text
  [ -f binary ] || head -c "$1" /usr/bin/python3.11 > binary
  [ -f noise ] || openssl enc -aes-128-ctr -K 00 -iv 00 -in text -out noise 2> err
}
group_pack() {
  bytes=600000; [ "$size" = quick ] || bytes=4000000
  material $bytes
  seven=$(command -v 7z || command -v 7zz)
  for method in LZMA2 LZMA PPMd BZip2 Deflate Deflate64 Copy; do
    for level in 1 9; do
      rm -rf a.7z out; $seven a -bd -mmt=1 -mtm=off -m0=$method -mx=$level a.7z text binary noise > log 2>&1
      $seven t a.7z >> log 2>&1; result pack "7z-$method-$level-test" $?
      $seven x -bd -oout a.7z >> log 2>&1
      cmp -s text out/text && cmp -s binary out/binary && cmp -s noise out/noise; result pack "7z-$method-$level" $?
      echo "DIGEST 7z-$method-$level $(sha a.7z)"
    done
  done
  for filter in ARM64 BCJ2 Delta:4; do
    rm -rf a.7z out; $seven a -bd -mmt=1 -mtm=off -mf=$filter a.7z binary > log 2>&1 && $seven x -bd -oout a.7z >> log 2>&1 && cmp -s binary out/binary
    result pack "7z-filter-$filter" $?
  done
  rm -rf a.zip out; $seven a -bd -mmt=1 -tzip -psecret -mem=AES256 a.zip text > log 2>&1 && $seven x -bd -psecret -oout a.zip >> log 2>&1 && cmp -s text out/text
  result pack zip-aes $?
  rm -rf out; ! $seven x -bd -pother -oout a.zip > log 2>&1; result pack zip-aes-wrong-password $?
  $seven b -mmt1 -md18 > log 2>&1; result pack 7z-benchmark $?
  for packer in "xz -6" "xz -9e" "xz --check=sha256 -1" "zstd -3" "zstd -19" "zstd --ultra -22" "bzip2 -9" "gzip -n -9" "gzip -n -1"; do
    for file in text binary noise; do
      $packer -c $file > packed 2> err && ${packer%% *} -dc < packed > out.file 2> err && cmp -s $file out.file
      result pack "$(echo "$packer-$file" | tr ' ' _)" $?
      echo "DIGEST $(echo "$packer-$file" | tr ' ' _) $(sha packed)"
    done
  done
}

# --- stress-ng checks its own results with --verify.
group_stress() {
  methods=$(stress-ng --cpu-method which 2>&1 | sed -n 's/.*methods are: *all //p; s/.*must be one of: *all //p')
  [ -n "$methods" ]; result stress cpu-methods $?
  for method in $methods; do
    stress-ng --cpu 1 --cpu-method "$method" --cpu-ops 2 --verify --timeout 300s > log 2>&1
    status=$?
    [ $status = 0 ] || sed 's/^/  /' log
    result stress "cpu-$method" $status
  done
  seconds=20; [ "$size" = quick ] || seconds=120
  stress-ng --cpu 0 --cpu-method all --verify --timeout ${seconds}s > log 2>&1; result stress cpu-0-all $?
  for stressor in vecmath matrix vecwide hash str bsearch qsort heapsort crypt zlib atomic funccall longjmp tree trig prime mutex sem futex fault mprotect sigfpe sigsegv \
      signal context memcpy; do
    # Of mutex the first thread, at a real-time priority, may have done all of it before the program has noted that it is there.
    for attempt in 1 2 3 4 5; do
      stress-ng "--$stressor" 1 "--$stressor-ops" 20 --verify --timeout 20s > log 2>&1
      status=$?
      grep -q "could not create any pthreads" log || break
    done
    case $status in
      0) result stress "$stressor" 0 ;;
      *) if grep -qi "unrecognized option\|not implemented\|skipp" log || [ $status = 4 ]; then echo "CHECK stress $stressor skipped"; else sed 's/^/  /' log; result stress "$stressor" $status; fi ;;
    esac
  done
}

# --- The packaged tests of Python.
group_python() {
  modules="test_math test_cmath test_float test_complex test_int test_strtod test_struct test_fractions test_statistics test_hashlib test_hmac test_zlib test_binascii test_json test_array test_bytes test_unicode
    test_re test_random test_memoryview test_dict test_set test_sort test_heapq test_bisect test_itertools test_collections test_generators test_exceptions test_threading test_ctypes test_decimal test_long test_time test_datetime"
  [ "$size" = full ] || modules="test_math test_cmath test_float test_complex test_struct test_strtod test_fractions test_zlib test_binascii test_array test_json test_generators test_heapq"
  for module in $modules; do
    python3 -m test -q --timeout 3000 "$module" > log 2>&1
    status=$?
    [ $status = 0 ] || grep -E "^(FAIL|ERROR):|failed|ModuleNotFound" log | sort -u | head -10 | sed 's/^/  /'
    case $(cat log) in *"test skipped"*|*"skipped: 1"*|*"No module named"*) echo "CHECK python $module skipped" ;; *) result python "$module" $status ;; esac
  done
}

group_perl() {
  # pi to 1000 places by integers, a Mandelbrot row by doubles, sorting, regular expressions, pack and unpack.
  echo "DIGEST perl-pi $(perl -Mbigint -e 'my ($q,$r,$t,$k,$n,$l,$c)=(1,0,1,1,3,3,0); while ($c<300) { if (4*$q+$r-$t < $n*$t) { print $n; $c++; my $nr=10*($r-$n*$t); $n=(10*(3*$q+$r))/$t-10*$n; $q*=10; $r=$nr } else { my $nr=(2*$q+$r)*$l; my $nn=($q*(7*$k)+2+($r*$l))/($t*$l); $q*=$k; $t*=$l; $l+=2; $k+=1; $n=$nn; $r=$nr } }' | sha256sum | cut -c1-64)"
  echo "DIGEST perl-floats $(perl -e 'my $x=0.1; for my $i (1..200000) { $x = sin($x)*1.7 + sqrt(abs(cos($i)+1e-9)) - log(1+$x*$x)/exp($x/9); printf "%.17g\n", $x if $i % 1000 == 0 }' | sha256sum | cut -c1-64)"
  echo "DIGEST perl-text $(perl -ne 's/(\w+)\s+(\w+)/$2 $1/g; $c{lc $_}++ for /\w+/g; END { print "$_ $c{$_}\n" for sort { $c{$b} <=> $c{$a} || $a cmp $b } keys %c }' /usr/lib/python3.11/[a-f]*.py | sha256sum | cut -c1-64)"
  perl -e 'for my $f (qw(c C s S l L q Q n N v V f d)) { for (1..2000) { my $v = $f =~ /[fd]/ ? unpack("f", pack("f", rand(1e6)-5e5)) : int(rand(120)); die "$f $v" unless unpack($f, pack($f, $v)) == $v } }'; result perl pack $?
}

group_sqlite() {
  rows=20000; [ "$size" = quick ] || rows=200000
  rm -f t.db
  sqlite3 t.db "
    create table a(id integer primary key, k text, x real, n integer);
    with recursive c(i) as (select 1 union all select i+1 from c where i < $rows)
      insert into a select i, printf('%08x', (i * 2654435761) % 4294967296), i * 0.37 - (i % 17) / 3.0, (i * 7919) % 1009 from c;
    create index ak on a(k); create index an on a(n, x);
    create table b as select n, count(*) c, sum(x) s, avg(x) m, min(k) lo, max(k) hi from a group by n;
    update a set x = x * 1.000001 where n % 3 = 0; delete from a where n % 11 = 5; vacuum;" ; result sqlite build $?
  same sqlite integrity "$(sqlite3 t.db 'pragma integrity_check')" ok
  echo "DIGEST sqlite-rows $(sqlite3 t.db "select id,k,printf('%.15g',x),n from a order by k" | sha256sum | cut -c1-64)"
  echo "DIGEST sqlite-join $(sqlite3 t.db "select a.n, count(*), printf('%.12g', sum(a.x)), b.lo, b.hi from a join b using(n) group by a.n order by a.n" | sha256sum | cut -c1-64)"
  sqlite3 t.db .dump > dump.sql; rm -f u.db; sqlite3 u.db < dump.sql; sqlite3 u.db .dump > again.sql; cmp -s dump.sql again.sql; result sqlite dump-and-load $?
}

# --- The compiler: the same program at every level of optimization says the same.
group_gcc() {
  cp "$here/sums.c" .
  for level in 0 1 2 3 s; do
    gcc -O$level -o sums$level sums.c -lm && ./sums$level > out$level; result gcc "O$level" $?
    cmp -s out0 out$level; result gcc "O$level-same" $?
  done
  gcc -O3 -march=armv8-a+crc+crypto -ffp-contract=off -o sumsx sums.c -lm && ./sumsx > outx && cmp -s out0 outx; result gcc crypto-same $?
  echo "DIGEST gcc $(sha out0)"
}

for group in "$@"; do
  began=$(date +%s)
  "group_$group"
  echo "TIME $group $(($(date +%s) - began))"
done
echo "CHECKS END"
