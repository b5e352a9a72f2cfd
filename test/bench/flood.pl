#!/usr/bin/perl
# Sends UDP at a steady rate: flood.pl ADDRESS PACKETS_PER_SECOND SECONDS. One system call sends many packets (UDP_SEGMENT,
# udp(7)), which the device has to be told to cut apart: ethtool -K DEV gso off. Prints how many it sent.
use strict;
use warnings;
use Socket;
use Time::HiRes qw(time sleep);

my ($address, $rate, $seconds) = @ARGV;
my ($ipproto_udp, $udp_segment) = (17, 103);
# With Ethernet's, IP's and UDP's 42 bytes: 64 to 1514 on the wire.
my @payloads = (22, 22, 22, 200, 500, 1000, 1472, 1472);
my @batches = map { my $count = 60000 / $_; $count = 40 if $count > 40; [$_, int $count, 'a' x ($_ * int $count)] } @payloads;
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
setsockopt($socket, SOL_SOCKET, SO_SNDBUF, 4194304);
my $to = sockaddr_in(9, inet_aton($address));
my ($sent, $turn, $start) = (0, 0, time);
while ((my $elapsed = time - $start) < $seconds) {
  if ($sent >= $rate * $elapsed) { sleep 0.0002; next; }
  my ($payload, $count, $bytes) = @{$batches[$turn++ % @batches]};
  setsockopt($socket, $ipproto_udp, $udp_segment, pack('i', $payload)) or die "UDP_SEGMENT: $!";
  $sent += $count if defined send($socket, $bytes, 0, $to);
}
print "$sent\n";
