# A second queue, fields of tickets, an agent, and a token for the tests, whom nothing but this database knows.
our @Queues = ({ Name => 'Returns', Description => 'What comes back' });
our @Users = ({
    Name         => 'ben.okoro',
    EmailAddress => 'Ben.Okoro@peer.example',
    RealName     => 'Ben Okoro',
    Password     => 'peer-password',
    Privileged   => 1,
});
our @ACL = ({ UserId => 'ben.okoro', Right => 'OwnTicket' });
our @CustomFields = (
    { Name => 'Order',  Type => 'Freeform', MaxValues => 1 },
    { Name => 'Labels', Type => 'Freeform', MaxValues => 0 },
    { Name => 'Bought', Type => 'Date',     MaxValues => 1 },
    { Name => 'Called', Type => 'DateTime', MaxValues => 1 },
    { Name => 'Matter', Type => 'Select',   MaxValues => 1, Values => [ { Name => 'Breakage' }, { Name => 'Delay' } ] },
);
$_->{LookupType} = 'RT::Queue-RT::Ticket', $_->{Queue} = [0] for @CustomFields;
our @Final = (sub {
    my $root = RT::CurrentUser->new(RT->SystemUser);
    $root->Load('root');
    my ($ok, $message, $token) = RT::AuthToken->new($root)->Create(Owner => $root->Id, Description => 'tests');
    die $message unless $ok;
    open my $file, '>', "$ENV{PEER_HOME}/token" or die $!;
    print {$file} $token;
    close $file or die $!;
});
1;
