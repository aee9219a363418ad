# Perl's share: regular expressions, hashes, sorting, pack, floats.
use strict;
open(my $in, "<", $ARGV[0]) or die "$ARGV[0]: $!";
my (%count, $swapped);
while (<$in>) {
  s/(\w+)\s+(\w+)/$2 $1/g;
  $swapped += tr/e//;
  $count{lc $_}++ for /\w+/g;
}
my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$swapped ", scalar(@order), " @order[0..20]\n";
my $x = 0.1;
$x = sqrt(abs($x * 1.7 - $_ / 3)) for 1 .. 300000;
printf "%a\n", $x;
my $bytes = pack("N*", map { $_ * 2654435761 % 4294967296 } 1 .. 50000);
print unpack("%32N*", $bytes), "\n";
