#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# script_table.pl > script_table.c: what script.c knows of Unicode, from the data that comes with perl.
use strict;
use warnings;
use Unicode::UCD qw(prop_invmap);

# What a character of one script may stand beside: Japanese, Korean and Chinese texts mix a few (UTS 39, 5.1).
my %joined = (Han => [qw(Hanb Jpan Kore)], Hiragana => ['Jpan'], Katakana => ['Jpan'], Hangul => ['Kore'],
	      Bopomofo => ['Hanb']);
my (%bit, %index, @sets);

sub bit_of { my $name = shift; $bit{$name} //= keys %bit; return $bit{$name}; }

# The number of the set of scripts that a character may belong to; 0 is all of them, 1 none.
sub index_of {
	my $value = shift;
	return 0 if $value eq 'Common' || $value eq 'Inherited';
	return 1 if $value eq 'Unknown';
	my %all = map { $_ => 1 } map { ($_, @{$joined{$_} // []}) } split / /, $value;
	my $key = join ' ', sort keys %all;
	if (!defined $index{$key}) {
		my @words = (0, 0, 0);
		$words[int(bit_of($_) / 64)] |= 1 << (bit_of($_) % 64) for sort keys %all;
		$index{$key} = @sets + 2;
		push @sets, \@words;
	}
	return $index{$key};
}

my ($from, $scripts) = prop_invmap('Script_Extensions');
my ($status_from, $status) = prop_invmap('Identifier_Status');
my %starts = map { $_ => 1 } grep { $_ <= 0x10ffff } @$from, @$status_from;
my ($s, $t, $last, @ranges) = (0, 0, -1);

for my $start (sort { $a <=> $b } keys %starts) {
	$s++ while $s < $#$from && $from->[$s + 1] <= $start;
	$t++ while $t < $#$status_from && $status_from->[$t + 1] <= $start;
	my $value = ref $scripts->[$s] ? join ' ', @{$scripts->[$s]} : $scripts->[$s];
	my $what = index_of($value) | ($status->[$t] eq 'Allowed' ? 0x100 : 0);
	push @ranges, $start << 9 | $what if $what != $last;
	$last = $what;
}
die "too many scripts or sets\n" if keys %bit > 192 || @sets > 254;

print "/* SPDX-License-Identifier: Apache-2.0 */\n";
print "/* Made by script_table.pl from the data of Unicode ", Unicode::UCD::UnicodeVersion(), ". */\n";
print "#include \"policy/script.h\"\n\n/* clang-format off */\n";
print "const uint64_t script_sets[][3] = {\n\t{UINT64_MAX, UINT64_MAX, UINT64_MAX},\n\t{0, 0, 0},\n";
printf "\t{0x%x, 0x%x, 0x%x},\n", @$_ for @sets;
print "};\n\nconst uint32_t script_ranges[] = {\n";
while (my @line = splice @ranges, 0, 7) {
	print "\t", join(' ', map { sprintf '0x%x,', $_ } @line), "\n";
}
print "};\n/* clang-format on */\n\n";
print "const size_t script_range_count = ARRAY_LEN(script_ranges);\n";
