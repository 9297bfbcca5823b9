/*
 * gen_plots_brave_tables.c: plots: rescues, storms, darkness. gen_story.h explains slots and marks.
 */
#include "train/gen_story.h"

/* clang-format off */
static const weir_story_plot plots[] = {
    {
        .name = "cave_rescue",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FRIENDS,
        .object = WEIR_STORY_LIGHT,
        .place = WEIR_STORY_DARK,
        .about = "[a rescue"
            "|saving a friend"
            "|a dark place"
            "|courage in the dark]",
        .who = "[who saves a friend"
            "|who goes into the dark"
            "|who is afraid of the dark but helps anyway]",
        .title = "[{h.T} to the Rescue"
            "|Into the Dark"
            "|The Bravest {h.KT}]",
        .brief =
            "{f.intro} was stuck {p.in}, and nobody dared to go in. {H.first} took {o.a} and went "
            "in, although {he} was {feel.afraid}. {He} freed {f.n}, and all the others cheered.",
        .beats = {
            "[{oneday}, {h} heard somebody calling {p.in}. \"Help! Help me, please!\" It was "
            "{f.intro}. A [stone|branch] had fallen on {f.his} foot."
            "|{oneday}, the news went from door to door: {f.intro} was trapped {p.in}! Everybody "
            "stood outside and listened to {f.his} cries."
            "|{F.intro} was {h.n}'s neighbor. {Oneday}, {f.he} went {p.to} and did not come back. "
            "When {h} went to look, {he} heard a thin voice: \"I am stuck!\""
            "|It was almost dark, and {f.intro} had not come home. {H} went out and called and "
            "called. And {p.in} somebody answered, very weakly: \"Here. I cannot get out.\"]",
            "[\"It is too dark in there,\" said one. \"There are monsters in there,\" said "
            "another. Nobody moved."
            "|The others looked at their feet. \"Somebody should do something,\" they said. But "
            "nobody did anything."
            "|\"Fetch somebody big,\" said the others. But the somebody big was far away."
            "|\"We must wait until morning,\" said the biggest of them. \"Morning is a long "
            "time,\" said {h}, \"when you are alone.\"]",
            "[{h} was {feel.afraid}, too. {His} knees shook. But then {he} thought of {f}, all "
            "alone in the dark. \"I will go,\" {he} said."
            "|{H} swallowed hard. \"I am going in,\" {he} said. {His} voice was small, but "
            "everyone heard it."
            "|\"What would I want, if it were me?\" thought {h}. {He} knew the answer at once. "
            "\"I am coming, {f.call}!\" {he} called."
            "|Everyone looked at {h}, because {he} had not stepped back. {His} mouth was dry. "
            "\"Give me a light,\" {he} said. \"I am small enough to get through.\"]",
            "{!has h o}",
            "[{he} took {o.a} and went in, step by step. Shadows danced on the walls. Something "
            "rustled. \"It is only [a bat|a leaf|the wind],\" {h} told {himself}."
            "|With {o.a} in front of {him}, {he} {h.went} into the dark. Drip, drop, went the "
            "water. Bump, bump, went {his} heart."
            "|{he} lit {o.a}. The dark moved back a little. \"You see,\" {h} whispered to "
            "{himself}, \"a little light is enough.\""
            "|{O.a} was all that {he} had. Its light made a little golden room, and {h} walked "
            "inside this room, step by step, into the dark.]",
            "-"
            "[Two green eyes stared at {him}. {H} held up {o}. It was only a [toad|beetle], and "
            "it was just as frightened as {he} was. \"Good evening,\" said {h}."
            "|Then {o} flickered and almost went out. {H} stood still, held {his} breath, and "
            "shielded it with {his} body. It burned on."
            "|Somewhere water fell into water. Something flew past {his} ear. {H} stopped. \"I "
            "could still turn back,\" {he} thought. But {his} feet went on.]",
            "[At last {he} found {f} {p.spot}. \"You came!\" whispered {f}. Together they pushed, "
            "one, two, three, and the [stone|branch] rolled away."
            "|There sat {f}, {p.spot}, with tears on {f.his} cheeks. \"Do not worry,\" said {h}. "
            "\"I am here.\" {He} pulled with all {his} might, and {f.n}'s foot came free."
            "|\"Here I am!\" sobbed {f}. {H} put {o} down and dug with both hands until {f} could "
            "move again."
            "|\"{H.call}?\" asked a small voice. And {p.spot} sat {f}, pale and dusty. {H} hugged "
            "{f.him} first. Then {he} looked for a way to free {f.his} foot, and {he} found one, "
            "with a stick and a stone and a lot of patience.]",
            "[When they came out, the sun was shining. Everybody cheered and threw hats into the "
            "air. \"Were you not afraid?\" somebody asked. \"Yes, very much,\" said {h}. \"But "
            "{f.n} was more afraid than I was.\""
            "|Arm in arm they came out into the light. {F} told everyone what {h} had done. {H} "
            "turned red, and {he} was {feel.proud}."
            "|\"You saved me,\" said {f}. \"You would have done the same,\" said {h}. And {f} "
            "thought about it and said, \"Now I would.\""
            "|The stars were out when the two of them stepped into the open. Somebody cheered. "
            "Somebody cried. {F} held {h.n}'s hand and did not let go of it until they were at "
            "home.]",
        },
    },
    {
        .name = "storm_shelter",
        .flags = WEIR_STORY_BRAVE,
        .place = WEIR_STORY_WILD,
        .weather = WEIR_STORY_WIND | WEIR_STORY_RAIN,
        .about = "[a storm"
            "|a big storm"
            "|shelter from the storm]",
        .who = "[who helps others in a storm"
            "|who opens the door in a storm]",
        .title = "[The Big Storm"
            "|{h.T} and the Storm"
            "|Room for One More]",
        .brief =
            "A great storm came, and {h.first} made room for everyone in {his} small {h.home}. "
            "Last of all came {f.intro}, wet and cold. They sang songs until the storm was over, "
            "and then it was very quiet.",
        .beats = {
            "[{oneday}, the sky turned black. \"A storm is coming,\" said {h}, and brought in the "
            "[washing|firewood]. The first drops were as big as plums."
            "|{Oneday}, the wind began to howl. Leaves flew, branches cracked, and then came the "
            "rain."
            "|{W.line} In the evening the sky grew dark, and the thunder growled like a [hungry "
            "bear|big dog]."
            "|{W.line} \"I do not like that sky,\" said {h}. {He} fastened the shutters and put a "
            "light in the window, so that anybody who was lost could see it.]",
            "[Knock, knock! Outside stood a family of [field mice|beetles] without a roof. \"Come "
            "in,\" said {h}. They had hardly dried themselves when there was another knock."
            "|{H} had just shut the door when somebody scratched at it. It was a wet "
            "[shrew|toad]. \"May I come in?\" \"Of course,\" said {h}."
            "|Somebody tapped on the glass. It was a [shrew|wren] with wet feet. Behind it stood "
            "its grandmother, and behind her stood eleven cousins. \"Come in,\" said {h}. \"Wipe "
            "your feet.\"]",
            "[Soon the room was full. There was somebody on the chair, somebody under the chair, "
            "and somebody in the soup pot. \"There is always room for one more,\" said {h}."
            "|Then came a [wren|lizard], and then three [wrens|crickets], and then an old "
            "[newt|shrew] with a cough. {H} gave them all tea."
            "|They sat on the shelves and in the slippers. When somebody wanted to turn around, "
            "everybody had to turn around. But it was warm.]",
            "[{suddenly}, between two thunderclaps, {h} heard somebody cry out. It was {f.intro}! "
            "{F.he} clung to a tree in the middle of the storm. \"{F.he} will be blown away!\" "
            "everybody shouted."
            "|Then a voice called from far away: \"Help!\" {H} looked through the window. There "
            "was {f.intro}, and the water was rising around {f.him}."
            "|{h} was just counting the cups when {he} heard it, thin and far away: \"Is anybody "
            "there?\" {He} wiped the window. Out in the rain {f.intro} was holding on to the "
            "fence, and the fence was shaking.]",
            "[{h} did not think long. {He} put on {his} thickest coat and opened the door. \"Keep "
            "the fire burning,\" {he} told the others. Then {he} went out into the storm, and "
            "soon {he} was holding {f.n}'s hand."
            "|\"Somebody has to go,\" said {h}, \"and I know the way.\" The rain beat into {his} "
            "face, and the wind pushed {him} back. But {he} went on, step by step, until {he} "
            "could take {f.n}'s hand."
            "|\"I will get {f.him},\" said {h}. The others shouted no. But {h} had already opened "
            "the door, and the storm took {his} breath away. {He} crawled from stone to stone "
            "until {he} felt {f.n}'s cold hand in {his}.]",
            "[\"Now!\" called {h}. They ran, and they stumbled, and they ran again. And so they "
            "came home, {h} and {f}, wet as two fish."
            "|Together they fought their way back. The door flew open, many arms pulled them "
            "inside, and the door flew shut."
            "|They crept back on hands and knees. {H} pulled, and {f} pushed, or maybe it was the "
            "other way around. When the door closed behind them, everyone cheered.]",
            "[They sat close together all night and told stories, and nobody was cold. In the "
            "morning the sun came out and there were rainbows in all the puddles."
            "|\"My house is small,\" said {h}. \"But your heart is big,\" said {f}. And outside "
            "the thunder went away, grumbling a little."
            "|When the storm was over, the others wanted to go home. But it had been so cozy that "
            "they came back the next evening, without any storm."
            "|{F} got the warmest blanket and the place by the stove. Outside it howled, and "
            "inside somebody began to snore. \"Thank you for the light,\" said {f}.]",
        },
    },
    {
        .name = "big_bully",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FRIENDS,
        .hero = WEIR_STORY_SMALL,
        .about = "[somebody small who stands up to somebody big"
            "|a bully"
            "|standing up for a friend]",
        .who = "[who stands up to a bully"
            "|who stands up for a friend]",
        .title = "[{h.T} and the Bully"
            "|Small but Brave"
            "|Stop That!]",
        .brief =
            "A big [ox|bull|rooster] teased {f.intro} every day. {H.first} stepped in front of "
            "{f.him} and said that it had to stop. The big one was so surprised that he said "
            "sorry.",
        .beats = {
            "[Near {h.n}'s {h.home} lived a big [ox|bull|rooster|boar]. He was loud and mean, and "
            "everyone ran when he came. Most of all he liked to tease {f.intro}."
            "|Every day a big [ox|bull|boar] blocked the way to the well. \"Give me your lunch,\" "
            "he said to everyone who passed, \"or I will sit on you.\""
            "|There was a big [ox|bull|rooster|boar] in the neighborhood, and he thought that he "
            "was the king of everything."
            "|Everyone had to step off the path when the big [ox|bull|boar] came along. \"I am "
            "big,\" he said, \"so the path is mine.\" Nobody said anything.]",
            "[{oneday}, {h} saw how he took {f.n}'s lunch and threw it in the mud. {f} sat there "
            "and cried. \"Why does nobody help?\" thought {h}. Then {he} thought, \"I am "
            "somebody.\""
            "|{oneday}, he made fun of {f.first}. \"You walk like a wet sock,\" he laughed. {F} "
            "said nothing and looked at the ground."
            "|{Oneday}, {h} met {f.first}, who was hiding behind a bush. \"What are you doing "
            "there?\" asked {h}. \"I am waiting until he goes away,\" whispered {f}. \"He always "
            "pushes me.\""
            "|It was {f.first} who met him {oneday} on the narrow bridge. He took {f.his} cap and "
            "hung it on the highest branch. \"Jump,\" he said, and laughed. {H} saw it all from "
            "behind a tree.]",
            "[{h} was very small. The bully was very big. {H} looked at him. It was like looking "
            "up at a [house|barn]."
            "|{His} heart beat so hard that it hurt. But {he} walked right up to him, stood "
            "between him and {f}, and looked up."
            "|\"I cannot run fast, and I cannot hit hard,\" thought {h}. \"But I can talk.\" And "
            "{he} stepped forward."
            "|{h} wanted to run away. {His} feet had already turned around. But {his} heart had "
            "not. So {he} turned {his} feet back again.]",
            "[\"Stop it,\" said {h}. Everybody held their breath. \"What did you say?\" asked the "
            "bully. \"I said stop it,\" said {h}. \"It is not funny, and it hurts.\""
            "|\"Leave {f.him} alone!\" {he} {h.cried}. The bully looked left and right. Then he "
            "looked down. \"Who said that?\" \"I did,\" said {h}, and {look.brave}."
            "|\"That is enough,\" said somebody. It was {h}. The others turned pale. \"Who are "
            "you to tell me that?\" roared the bully. \"I am {f.n}'s friend,\" said {h}.]",
            "[Then something strange happened. {F} came and stood beside {h}. Then a [hen|rat] "
            "came and stood beside {f}. Then came two more, and then all of them. They were all "
            "small, but they were many."
            "|\"If you want to push {f.him}, you have to push me, too,\" said {h}. \"And me,\" "
            "said a voice behind {him}. \"And me,\" said another."
            "|For a long moment nobody moved. Then {f} took {h.n}'s hand. Somebody took {f.n}'s "
            "hand. Soon there was a whole row of them, right across the path, from one side to "
            "the other.]",
            "[The bully took a step back. \"I only wanted to play,\" he muttered. \"Nobody ever "
            "asks me to play.\" \"Then ask nicely,\" said {h}. He turned red. \"Can I play, "
            "please?\" he asked, very quietly."
            "|Nobody had ever said no to him before. He did not know what to say. \"Sorry,\" he "
            "said at last, in a voice that was not big at all."
            "|He snorted and stamped. But nobody ran. And when nobody runs, it is no fun to "
            "chase. \"What do you want?\" he asked at last. \"That you stop,\" said {h}. \"And "
            "that you get the cap down.\"]",
            "[\"You can,\" said {f}. It turned out that he was a very good goalkeeper. And {f} "
            "never had to hide again."
            "|From that day on nobody blocked the way to the well. And when the bully forgot "
            "himself, {h} only had to look at him."
            "|\"You are the bravest friend I have,\" said {f}. \"My knees were shaking the whole "
            "time,\" said {h}."
            "|He got the cap. He even brushed off the dust. And the next day, when the path was "
            "narrow, he stepped aside. \"After you,\" he said gruffly.]",
        },
    },
    {
        .name = "river_crossing",
        .flags = WEIR_STORY_BRAVE,
        .not_hero = WEIR_STORY_TINY | WEIR_STORY_FLIES,
        .place = WEIR_STORY_WATER,
        .about = "[a flood"
            "|somebody who fell into the water"
            "|a rescue by the water]",
        .who = "[who saves somebody from the water"
            "|who helps at the river]",
        .title = "[The Rescue"
            "|{h.T} and the Deep Water"
            "|Hold On!]",
        .brief =
            "{f.intro} fell into the water {p.in} and could not get out. {H.first} pushed a long "
            "branch to {f.him} and pulled {f.him} to the shore. They lay in the grass together "
            "and laughed because they were alive and wet.",
        .beats = {
            "[{oneday}, after three days of rain, {h} went {p.to}. The water was high and brown "
            "and fast. \"I will keep away from the edge,\" {he} said, for {he} was careful."
            "|{oneday}, {h} was having a picnic {p.in}. {W.line} Everything was quiet."
            "|It was a hot day, and {h} sat {p.in} with {his} feet in the cool grass. The water "
            "had risen in the night. It pulled whole trees along with it.]",
            "[{suddenly} there was a splash. {F.intro} had slipped on a wet stone and fallen in! "
            "\"I cannot swim!\" {f.he} cried."
            "|Then {he} heard a scream. Out in the water somebody was waving. It was {f.intro}, "
            "and {f.he} was holding on to a small plank."
            "|\"Look at me!\" called {f.intro}, who was walking on the slippery rocks. And then "
            "nobody was there to look at any more. There was only a hand, and then a head, and "
            "then a cry.]",
            "[{h} could not swim either. {He} ran along the shore and thought as fast as {he} "
            "could. A rope? There was none. A boat? There was none. But there was a long branch "
            "{p.spot}."
            "|\"Hold on!\" shouted {h}. {He} looked around. Jumping in would not help, then both "
            "of them would be in the water. {P.spot} lay a long branch. That was it!"
            "|\"Think, think,\" {h} told {himself}. The others were too far away to hear {him}. "
            "Then {his} eyes fell on a long dry branch {p.spot}.]",
            "[{he} lay down flat on the ground and pushed the branch out over the water. It was "
            "too short by a foot. {H} crawled forward until {his} nose was wet. \"Now!\" {he} "
            "called."
            "|{he} dragged the branch to the edge and held it out. \"Grab it!\" The water pulled "
            "{f} away, and back again. Once, twice, {f} reached for it. The third time {f.he} had "
            "it."
            "|{he} ran ahead, for the current was fast. Where the bank was low, {he} lay down and "
            "reached out with the branch. Here came {f}, spinning like a leaf. \"Catch it!\" "
            "{h.cried} {h}.]",
            "[{h} pulled. The branch bent. The water roared. {H} pulled until {he} saw stars, and "
            "step by step {f} came nearer, and then {f.he} was on dry land."
            "|It was heavy, and {his} feet slid in the mud. \"I will not let go,\" said {h} "
            "through {his} teeth. \"I will not let go.\" And {he} did not let go."
            "|A jerk went through {his} arms. It nearly pulled {him} in. {H} hooked {his} feet "
            "around a root and held on. Slowly, slowly, the branch came in, and {f} came with it.]",
            "[For a long time they lay in the grass and only breathed. Then {f} said, \"My hat is "
            "gone.\" They looked at each other and began to laugh, and they could not stop."
            "|{f} coughed and shivered. {H} wrapped {f.him} in the picnic blanket. \"You saved my "
            "life,\" said {f}. \"Would you like a sandwich?\" asked {h}, because {he} did not "
            "know what else to say."
            "|{f} spat out water and one small fish. \"Thank you,\" {f.he} gasped. \"I thought "
            "that nobody was there.\" \"I was there,\" said {h}.]",
            "[The next week both of them went to the duck to learn how to swim. It took all "
            "summer. But now they can both do it."
            "|They walked home slowly, hand in hand, and told everybody to keep away from the "
            "edge when the water is high.]",
        },
    },
    {
        .name = "night_noise",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FUNNY,
        .about = "[a strange noise at night"
            "|a noise in the dark"
            "|a ghost that is not a ghost]",
        .who = "[who hears a strange noise at night"
            "|who is afraid of a ghost]",
        .title = "[The Noise in the Night"
            "|{h.T} and the Ghost"
            "|Tap, Tap, Tap]",
        .brief =
            "One night {h.first} heard a strange noise and was {feel.afraid}. {He} took a candle "
            "and went to look. It was only {f.intro}, who was looking for something to eat, and "
            "so they had supper together.",
        .beats = {
            "[One night {h} woke up. Tap, tap, tap. {He} pulled the blanket up to {his} nose. "
            "Tap, tap, tap. \"That is [a ghost|a robber|the wind],\" {he} thought."
            "|It was late, and {h} was almost asleep. Then {he} heard it. Crunch. Crunch. Crunch. "
            "Something was in the house!"
            "|\"Hoo, hoo, hoo,\" it went one night, right outside {h.n}'s window. {H} "
            "{look.afraid}."
            "|Bump. {H} opened {his} eyes. Bump, bump. It came from below. Nobody else was in the "
            "house, or nobody should have been.]",
            "[{he} put the pillow over {his} head, but the noise came through the pillow. {He} "
            "sang a song, but the noise sang louder."
            "|\"Ghosts are not real,\" {he} said aloud. Crunch, went the ghost."
            "|\"It is the wind,\" {he} told {himself}. But the wind does not hum. And this was "
            "humming, quite clearly, and a little out of tune.]",
            "[\"I will not sleep until I know what it is,\" said {h}. {He} took a candle in one "
            "hand and a [wooden spoon|broom|slipper] in the other."
            "|{he} counted to ten. Then {he} counted to ten again, because ten had come so "
            "quickly. Then {he} got up."
            "|{h} put on {his} slippers, the left one on the right foot. \"A ghost is only a "
            "sheet,\" {he} said. \"I am not afraid of laundry.\"]",
            "[The floor creaked. The shadows grew long. Something white moved behind the "
            "[curtain|door]! \"I am not afraid of you,\" said {h}, and {his} voice only shook a "
            "little."
            "|{he} went down the dark hall, past the clock, past the coats that looked like tall "
            "thin men. In the kitchen two eyes shone."
            "|The stairs had seventeen steps, and each of them groaned. {H} stood in front of the "
            "kitchen door. Behind it something rattled. {He} counted to three and threw it open.]",
            "[\"Please do not hit me,\" said the ghost. It was {f.intro} with a [flour "
            "bag|tablecloth] on {f.his} head! \"I smelled your {h.food}, and I could not stop "
            "thinking about it.\""
            "|{h} held up the candle. There was no ghost. There sat {f.intro} with full cheeks. "
            "\"Good evening,\" mumbled {f}. \"I was hungry, and the door was open.\""
            "|There was a scream. In fact, there were two screams. One of them came from {h}, and "
            "the other one came from {f.intro}, who dropped a spoon. \"I only wanted a little "
            "snack,\" said {f}.]",
            "[First {h} was angry. Then {he} was relieved. And then {he} began to laugh. \"Next "
            "time knock,\" {he} said, \"and come in the daytime.\" \"I did knock,\" said {f}. "
            "\"Tap, tap, tap.\""
            "|{h} laughed so loudly that the candle went out. \"I thought you were a ghost!\" \"I "
            "thought you were one,\" said {f}. \"You were so white in the face!\""
            "|They both sat down on the floor, because their knees had gone soft. \"Do you always "
            "hum when you steal?\" asked {h}. \"Only when I am afraid,\" said {f}.]",
            "[They sat down at the table and had {food} in the middle of the night. And ever "
            "since, when {h} hears a noise in the dark, {he} puts on the kettle."
            "|Then they ate everything that was left. It tasted better than any supper, because "
            "it was midnight."
            "|\"Sit down properly,\" said {h}, \"and use a plate.\" After that, {f} came every "
            "Friday night. But {f.he} came through the front door, and {f.he} brought {food}.]",
        },
    },
    {
        .name = "first_flight",
        .flags = WEIR_STORY_BRAVE,
        .hero = WEIR_STORY_FLIES,
        .not_hero = WEIR_STORY_MAGIC | WEIR_STORY_ADULT,
        .about = "[learning to fly"
            "|a first flight"
            "|being afraid of flying]",
        .who = "[who learns to fly"
            "|who is afraid to fly]",
        .title = "[{h.T} Learns to Fly"
            "|The First Flight"
            "|Up, Up and Away]",
        .brief =
            "{h.first} was the only one who did not dare to fly. When {e.intro} needed help on "
            "the other side of the valley, {he} forgot {his} fear and jumped. The air carried "
            "{him}, and {he} flew all the way.",
        .beats = {
            "[All the others could fly already. Only {h} still sat on the edge and looked down. "
            "It was a long way down."
            "|\"Today you will fly,\" everybody said. {H} looked at the sky. It was very big, and "
            "it had no handles."
            "|One after the other they had jumped, and one after the other they had flown. Then "
            "it was {h.n}'s turn. {He} looked down and took a step back.]",
            "[{he} tried it from a small stone first. Flap, flap, plop. {He} tried it from a "
            "bigger stone. Flap, flap, plop, ouch."
            "|\"What if I fall?\" {asked} {h}. \"What if you fly?\" said {e.intro}, who had seen "
            "many young ones learn."
            "|{he} had read everything about flying. {He} knew about wind and feathers. But when "
            "{he} stood at the edge, {his} wings stuck to {his} sides as if they were glued.]",
            "[The others drew big circles in the sky. \"Come on!\" they called. \"It is wonderful "
            "up here!\" {H} {look.sad}. \"Tomorrow,\" {he} said, as {he} had said yesterday."
            "|At night {h} dreamed that {he} was flying. {He} saw the roofs from above, and the "
            "river like a silver ribbon. But in the morning {he} was on the ground again."
            "|\"Everybody's day comes,\" said {e.intro}, and settled down beside {him}. \"So will "
            "yours.\" It was good that at least somebody believed it.]",
            "[{oneday}, everyone was away, and {h} was alone. {suddenly} {he} heard a cry. Across "
            "the valley {e} had caught {e.his} foot in a fence. \"Help!\" called {e}. To walk "
            "there would take all day."
            "|Then came a stormy morning. {E} had been blown into the brambles on the other side "
            "of the stream and could not get out. There was no bridge."
            "|Then came a day with fog and wind. {H} heard a call for help. Down below, on a rock "
            "in the middle of the stream, sat {e}, and the water was rising. \"I have hurt my "
            "leg!\" called {e}. \"Fetch somebody!\" But there was nobody to fetch.]",
            "[{h} did not think about the height. {He} did not think about falling. {He} only "
            "thought about {e}. And {he} jumped."
            "|\"I am coming!\" shouted {h}. {He} spread {his} wings, shut {his} eyes, and let go."
            "|There was no time to be afraid. Later {he} could never say how {he} had done it. "
            "{He} was standing on the edge, and then the edge was behind {him}.]",
            "[The ground came nearer and nearer. Then the wind took hold of {him}, soft and "
            "strong, and lifted {him} up. {He} opened {his} eyes. {He} was flying!"
            "|For a moment {his} tummy went up to {his} throat. Then {he} beat {his} wings, once, "
            "twice. And the air carried {him} like water carries a boat."
            "|First it was falling. Then it was falling a little more slowly. And then, with one "
            "strong beat of {his} wings, it was no longer falling at all.]",
            "[{he} reached {e} and pulled and tugged until {e.he} was free. \"Thank you,\" said "
            "{e}. \"How did you get here so fast?\" \"I flew,\" said {h}. Then {he} noticed what "
            "{he} had said. \"I flew!\""
            "|That evening {h} flew with the others, higher than all of them. And the sky still "
            "had no handles, but now {he} did not need any."
            "|{he} landed on the rock, a bit crooked, and helped {e} across. \"I knew it,\" said "
            "{e}. \"What?\" asked {h}. \"That your day would come. I only did not know that it "
            "would rain.\"]",
        },
    },
    {
        .name = "bridge_troll",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FUNNY,
        .about = "[a troll under a bridge"
            "|a clever trick"
            "|a riddle]",
        .who = "[who meets a troll"
            "|who solves a riddle"
            "|who has to cross a bridge]",
        .title = "[The Troll under the Bridge"
            "|{h.T} and the Troll"
            "|Three Riddles]",
        .brief =
            "{h.first} had to cross a bridge where a grumpy troll lived. The troll asked {him} a "
            "riddle, and {h} knew the answer. Then {h} asked one, too, and the troll laughed so "
            "much that he let everybody pass.",
        .beats = {
            "[{oneday}, {h} wanted to visit {his} grandmother on the other side of the stream. "
            "But under the bridge lived a troll with a green beard, and he did not let anybody "
            "pass."
            "|{oneday}, {h} came to a bridge. \"Stop!\" shouted a deep voice. A troll climbed out "
            "from under it. He had moss on his head and mud between his toes."
            "|There are two ways to market. One is long and dull. The other one leads over the "
            "troll's bridge. {H} was late, and so {he} took the bridge.]",
            "[\"This is my bridge,\" growled the troll. \"Whoever wants to cross must answer a "
            "riddle. If the answer is wrong, I will throw you in the water.\" {H} looked at the "
            "water. It was very cold."
            "|\"I have not laughed for a hundred years,\" growled the troll, \"and so nobody else "
            "shall have fun either. Answer my riddle, or go back!\" \"Ask,\" said {h}, and "
            "{look.brave}."
            "|\"Toll!\" barked somebody. A hand came up, then a nose, and then the rest of a very "
            "large troll. \"I have no money,\" said {h}. \"I do not want money,\" said the troll. "
            "\"I want a riddle solved. I have been stuck on it for years.\"]",
            "[\"What has teeth but cannot bite?\" asked the troll. {H} scratched {his} head. {He} "
            "had seen one that very morning. \"A comb!\" {he} said."
            "|\"What goes up when the rain comes down?\" asked the troll. {H} thought hard. A "
            "drop fell on {his} nose. \"An umbrella!\" {he} cried."
            "|\"What has hands but cannot clap?\" asked the troll. Somewhere a church bell rang. "
            "{H} smiled. \"A clock,\" {he} said."
            "|\"What is full of holes but still holds water?\" asked the troll. {H} thought of "
            "{his} bath. \"A sponge!\" {he} said."
            "|\"What gets bigger the more you take away from it?\" asked the troll. {H} walked up "
            "and down. {He} almost fell into something. \"A hole!\" {he} said."
            "|\"What has a neck but no head?\" asked the troll. {H} was thirsty. {He} reached for "
            "{his} bag, and there was the answer. \"A bottle,\" {he} said.]",
            "[The troll pulled his beard. \"That was luck,\" he muttered. \"Then I will ask you "
            "one,\" said {h}. \"[What gets wetter the more it dries|What can you catch but not "
            "throw|What runs all day but never gets tired]?\""
            "|\"Right,\" grumbled the troll, and was very surprised. \"Now it is my turn,\" said "
            "{h}. \"Why did the troll sit on the clock?\" The troll did not know. \"He wanted to "
            "be on time,\" said {h}."
            "|\"Oh,\" said the troll, and his eyes grew round. \"So that is it!\" He slapped his "
            "knee. \"Do you know one, too?\" \"What did the bridge say to the river?\" asked {h}. "
            "The troll shrugged. \"You can pass under me, I will get over it.\"]",
            "[The troll thought and thought. Steam came out of his ears. Then he gave up, and {h} "
            "told him the answer. First there was silence. Then came a sound like stones rolling "
            "down a hill. The troll was laughing!"
            "|The troll opened his mouth, and shut it again. Then his belly began to shake. He "
            "laughed so hard that moss fell from his head. Fish jumped out of the water to see "
            "what was the matter."
            "|The troll repeated it slowly. His mouth twitched on the left. His mouth twitched on "
            "the right. Then he roared with laughter, and the whole bridge shook, and {h} had to "
            "hold on to the railing.]",
            "[\"Do you know more of those?\" asked the troll, and wiped his eyes. \"I know "
            "hundreds,\" said {h}. \"I will tell you one whenever I come by.\" \"Then come by "
            "often,\" said the troll."
            "|\"Pass, pass,\" said the troll, \"but please come back this way.\" And so {h} did, "
            "and each time {he} brought a new riddle along."
            "|\"You may cross for free,\" said the troll, \"today and tomorrow and on all "
            "holidays.\" And he carried {h.n}'s basket to the other side.]",
            "[And today a sign hangs on the bridge: \"Crossing costs one joke.\" Nobody minds "
            "paying."
            "|Grandmother was amazed. \"You came over the bridge?\" she asked. \"Yes,\" said {h}. "
            "\"The troll is quite nice. He was only bored.\""
            "|{h} told everyone at the market. And so people stopped taking the long way around. "
            "The troll was never alone again, and after a while he even swept the bridge.]",
        },
    },
    {
        .name = "lighthouse_lamp",
        .flags = WEIR_STORY_BRAVE,
        .about = "[a light in the night"
            "|a ship in danger"
            "|a lighthouse]",
        .who = "[who keeps the light burning"
            "|who saves a ship]",
        .title = "[The Light Must Burn"
            "|{h.T} and the Lighthouse"
            "|A Light in the Fog]",
        .brief =
            "One foggy night the lamp of the lighthouse went out. {H.first} climbed the stairs "
            "and swung {his} own little lamp until morning. The ship of {f.intro} came safely "
            "home because of that small light.",
        .beats = {
            "[Near {h.n}'s {h.home} stood a tall lighthouse. Every night {e.intro} climbed up and "
            "lit the great lamp so that the ships could find their way."
            "|{h} had a friend, {e.intro}, who took care of the lighthouse. Sometimes {h} was "
            "allowed to help polish the big glass."
            "|By the sea, on a black rock, stood a lighthouse. {E.intro} lived in it and knew the "
            "name of every wave. {H} visited {e.him} whenever {he} could.]",
            "[One night {e} was ill. \"My legs will not carry me,\" {e.he} said. \"And tonight "
            "there is fog, and the ship of {f.intro} is coming home.\" {H} looked at the long, "
            "dark stairs."
            "|Then, one foggy night, the great lamp went out. \"The oil is gone,\" said {e}, "
            "\"and I cannot get new oil before morning.\" Out at sea a horn sounded. A ship was "
            "coming!"
            "|{oneday}, {h} found {e} at the foot of the stairs. {E} had slipped and could not "
            "stand. \"The lamp,\" {e} groaned. \"It will be dark soon, and {f.first} is still out "
            "there on the ship.\"]",
            "[\"I will go up,\" said {h}. {He} took {his} own little lamp. It was not big, but it "
            "was a light. One hundred steps. {He} counted every one."
            "|\"A small light is better than no light,\" said {h}. {He} took {his} lamp from home "
            "and climbed up, round and round, until {he} was dizzy."
            "|{h} did not ask any questions. {He} ran up, two steps at a time, with {his} own "
            "lamp under {his} arm. The big one would not light. So the small one had to do.]",
            "[At the top it was cold, and the wind whistled. {H} stood behind the glass and swung "
            "{his} little lamp, left and right, left and right. {His} arms grew heavy."
            "|The fog was so thick that {he} could not see the water. {He} could only hear it. "
            "{H} held up the lamp and sang loudly, so that {he} would not fall asleep."
            "|The night was as thick as wool. {H} held {his} lamp against the glass. It looked "
            "like a firefly in a church. \"Shine,\" {he} begged. \"Shine as well as you can.\"]",
            "[An hour went by, and another. \"I cannot do it any more,\" {he} thought. Then {he} "
            "thought of {f}, out there in the dark. {H} took the lamp in the other hand and went "
            "on."
            "|The horn sounded again, nearer this time. It was too near to the rocks! {H} jumped "
            "up and down and swung the lamp in great circles. \"Here!\" {he} shouted. \"Here are "
            "the rocks!\""
            "|The oil went down, and so did {his} eyelids. {H} pinched {his} own arm. {He} said "
            "the names of all the people {he} knew. When {he} got to {f}, {he} heard a horn, "
            "quite close.]",
            "[In the gray morning the fog lifted. There in the harbor lay the ship, safe and "
            "sound. {F} stood on deck and waved. \"I saw a tiny light,\" {f.he} called, \"and I "
            "followed it home.\""
            "|When the sun rose, {h} was asleep on the floor, with the lamp in {his} arms. The "
            "ship had come home, and {f} carried {h} down all the hundred steps."
            "|At dawn there was a scraping sound, and then the clatter of a chain. The ship lay "
            "at anchor! On the pier stood {f}, and looked up at the window, where a tiny light "
            "was still burning in the bright morning.]",
            "[{E} made pancakes for everybody. \"The big lamp is bright,\" said {e}, \"but last "
            "night a small one was brighter.\""
            "|\"It was such a little light,\" said {h}. \"It was enough,\" said {f}."
            "|They say that on some nights two lights can be seen on that rock, a big one and a "
            "small one.]",
        },
    },
    {
        .name = "wolf_at_door",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FUNNY,
        .hero = WEIR_STORY_SMALL,
        .not_hero = WEIR_STORY_MAGIC,
        .about = "[a hungry bear"
            "|tricking a hungry bear"
            "|being clever and brave]",
        .who = "[who tricks a hungry bear"
            "|who is clever]",
        .title = "[{h.T} and the Hungry Bear"
            "|The Clever {h.KT}"
            "|The Big Trick]",
        .brief =
            "A big hungry bear caught {h.first} and wanted to eat {him}. {H} told him that the "
            "moon in the well was a big cheese. The bear jumped in, and when he climbed out, wet "
            "and cold, {h} was far away.",
        .beats = {
            "[One evening {h} was on {his} way home {p.in}. {Suddenly} a big brown bear stood in "
            "front of {him}. \"I am hungry,\" said the bear, \"and you are my supper.\""
            "|{H} was collecting wood {p.in} when a big paw came down on {him}. It belonged to a "
            "bear who had not eaten for two days."
            "|{h} had picked mushrooms all day. When {he} looked up, {he} looked right into the "
            "face of a bear. \"Do not bother to run,\" said the bear. \"I am faster.\"]",
            "[{h} was {feel.afraid}. But {he} did not show it. \"Me?\" {he} said. \"I am only one "
            "bite. After that you will be even hungrier. I know where there is a cheese as big as "
            "a wheel.\""
            "|{His} heart stopped, but {his} head did not. \"What a pity,\" said {h}. \"If you "
            "eat me, I cannot show you the biggest cheese in the world.\""
            "|{h} swallowed. Then {he} smiled as well as {he} could. \"Good evening,\" {he} said. "
            "\"You have come just in time. I need somebody strong who can help me lift the big "
            "cheese.\"]",
            "[The bear licked his lips. \"Where is it?\" he asked. \"Come with me,\" said {h}, "
            "and led him to the old well. The full moon was shining in the water, round and "
            "yellow."
            "|\"Cheese?\" said the bear. His tummy growled. {H} took him to the pond. Down in the "
            "water, big and golden, lay the moon."
            "|\"Cheese?\" asked the bear. \"What cheese?\" So {h} led him through the bushes to "
            "the old well. They looked over the edge. Down there it lay, yellow and round and "
            "shining.]",
            "[\"There it is,\" said {h}. \"It has fallen in. You only need to get it.\" The bear "
            "leaned over. He saw a big yellow cheese. He also saw another bear. \"That one wants "
            "my cheese!\" he roared."
            "|\"But how do I get it?\" asked the bear. \"It is not deep,\" said {h}. \"I would "
            "get it myself, but I am so small.\""
            "|\"It is a little cold, because it has to be kept cool,\" said {h}. \"You hold on to "
            "the bucket, and I will let you down.\" The bear could not climb into it fast enough.]",
            "[Splash! The bear jumped in. The cheese broke into a thousand pieces. The bear swam "
            "this way and that way and caught only water."
            "|The bear took a long run and jumped. The water flew as high as the trees. And the "
            "cheese? It was gone."
            "|Down went the bucket with the bear. \"It is wet!\" came a voice. \"It is not cheese "
            "at all! It is only the moon!\" \"Then it must be the wrong season,\" called {h}.]",
            "[When he climbed out, wet and cold and very puzzled, {h} was already at home behind "
            "a thick door, and laughed until {his} tummy hurt."
            "|\"Where is my cheese?\" wailed the bear. But there was nobody left to answer. Up in "
            "the sky the moon was smiling."
            "|It took the bear all night to climb out. By then {h} was at home and had told the "
            "story three times, each time a little longer.]",
            "[The next day {h} put a pot of honey in front of the bear's cave, because nobody "
            "should be so hungry. And the bear never hunted {him} again."
            "|After that, the bear ate only berries. \"They are small,\" he said, \"but at least "
            "they stay where they are.\""
            "|Some bears learn from such things. This one did. When he saw {h} again, he took off "
            "his hat and said, \"No cheese today, thank you.\"]",
        },
    },
    {
        .name = "winter_journey",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_PARENT,
        .weather = WEIR_STORY_SNOW,
        .about = "[a journey through the snow"
            "|medicine for somebody ill"
            "|a long walk in winter]",
        .who = "[who walks through the snow to help"
            "|who fetches medicine]",
        .title = "[Through the Snow"
            "|{h.T} and the Long Winter Walk"
            "|The Medicine]",
        .brief =
            "{m} was ill, and the medicine was far away on the other side of the snowy hill. "
            "{H.first} put on {his} warmest scarf and walked all day through the snow. {He} came "
            "home with the medicine in the night, and soon {m} was well again.",
        .beats = {
            "[One winter {m} fell ill. {M.he} lay in bed and coughed. \"Only {e.intro} has the "
            "right medicine,\" said the neighbors. \"But {e.he} lives on the other side of the "
            "hill, and the snow is deep.\""
            "|It was a hard winter. {W.line} And then {m} had a fever, and there was no medicine "
            "in the house."
            "|{m} had coughed the whole night. In the morning {m.his} forehead was as hot as a "
            "stove. \"You need the green drops,\" said {h}. But only {e.intro} had them, and "
            "{e.he} lived beyond the frozen hill.]",
            "[\"I will get it,\" said {h}. \"You are too little,\" said {m}. But when {m.he} had "
            "fallen asleep, {h} put on two scarves, took a piece of bread, and went."
            "|{h} did not wait. {He} filled a bottle with hot tea, put on {his} thickest scarf, "
            "and set out."
            "|\"It is too far,\" whispered {m}. \"It is just as far as it is,\" said {h}. {He} "
            "put a jug of water beside the bed, tied {his} hood under {his} chin, and set off.]",
            "[The snow reached up to {his} tummy. Every step was work. {H} made up a rhyme: one "
            "for the left foot, one for the right, one for the morning, one for the night."
            "|The wind blew snow into {his} eyes. Soon everything was white, above and below. "
            "\"Up the hill,\" {he} said to {himself}. \"I only have to go up, and then down.\""
            "|There was no road any more, there was only white. {H} counted the fence posts. When "
            "there were no more fence posts, {he} counted {his} steps. At nine hundred {he} "
            "started over.]",
            "-"
            "[On the way {he} found {f.intro}, stuck in a snowdrift. {H} was in a hurry, but {he} "
            "stopped and pulled {f.him} out. \"I will not forget this,\" said {f}."
            "|Once {he} slipped and rolled all the way back down. {He} sat in the snow and wanted "
            "to cry. Then {he} stood up again. \"One for the left foot,\" {he} said."
            "|A fox's track crossed the path. Then there was no track at all. {H} sang every song "
            "{he} knew, and when {he} ran out of songs, {he} sang the alphabet.]",
            "[When it was almost dark, {he} saw a light. {E} opened the door and could not "
            "believe {e.his} eyes. \"You came all that way alone?\" {e.he} asked, and gave {him} "
            "soup and a little brown bottle."
            "|{atlast} {he} knocked at the right door. \"Dear child,\" said {e}, \"you are an "
            "icicle.\" {E.he} thawed {him} by the stove and mixed the medicine, green and bitter."
            "|{e.intro} was just putting wood on the fire when there was a knock, so faint that "
            "it could have been the wind. On the step stood a small snowman who said, \"The green "
            "drops, please.\"]",
            "[The way home was easier, for it went downhill, and {e} had lent {him} a sled. "
            "Whoosh! The stars flew by."
            "|{H} followed {his} own footprints back. The moon had come out, and the whole world "
            "sparkled."
            "|{he} kept the bottle under {his} shirt so that it would not freeze. The wind was at "
            "{his} back now and pushed {him} gently, as if it was sorry.]",
            "[{m} drank the medicine, made a face, and slept until morning. Then {m.he} opened "
            "{m.his} eyes and said, \"I am hungry.\" It was the nicest thing that {h} had ever "
            "heard."
            "|Three days later {m} was well. \"Who brought the medicine?\" {m.he} asked. {H} only "
            "smiled. {He} was {feel.proud}, but {he} was also very, very tired."
            "|Drop by drop the fever went down. When {m} woke up, {h} was asleep at {m.his} "
            "bedside with {his} boots still on. {M} covered {him} up, and both of them slept "
            "until noon.]",
        },
    },
    {
        .name = "dark_well",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FRIENDS,
        .not_hero = WEIR_STORY_TINY | WEIR_STORY_FLIES,
        .about = "[somebody who fell into a well"
            "|a rescue from a deep well"
            "|a rope and a bucket]",
        .who = "[who climbs down a well"
            "|who rescues a friend from a well]",
        .title = "[Down in the Well"
            "|{h.T} and the Old Well"
            "|Hold the Rope]",
        .brief =
            "{f.intro} fell into the old well and could not get out. {H.first} sat down in the "
            "bucket, although it was dark down there, and the others let {him} down on a rope. "
            "Together they came up again, and the whole village clapped.",
        .beats = {
            "[Behind the last house was an old well. \"Stay away from it,\" everyone said. But "
            "{f.intro} leaned over it to shout hello to the echo. The stone was loose."
            "|{oneday}, {h} heard somebody singing very strangely. The song came out of the "
            "ground. It came out of the old well! Down there sat {f.intro}, and {f.he} sang "
            "because {f.he} was afraid."
            "|{F.intro} was chasing {f.his} hat. The hat blew across the yard and into the old "
            "well, and {f} went after it."
            "|The children played ball in the yard. The ball rolled over the edge of the old "
            "well, and {f.intro} leaned over to see it. {F} leaned a little too far.]",
            "[\"Is anybody up there?\" called a hollow voice. {H} looked over the edge. Far, far "
            "down {he} saw two eyes. \"I am here!\" {he} called. \"I will get you out!\""
            "|\"{F.call}!\" {h.cried} {h}. \"Are you hurt?\" \"Only wet,\" came the answer, \"and "
            "very sorry.\""
            "|Everyone ran to the edge. \"{F.call}?\" they called. For a moment there was "
            "nothing. Then somebody down there coughed. \"It is cold here,\" said a very small "
            "voice. {H}'s heart sank.]",
            "[The neighbors came and scratched their heads. \"We are too heavy for the rope,\" "
            "they said. \"It would have to be somebody light.\" All of them looked at {h}."
            "|They let down the bucket. But {f.n}'s hands were so cold that they could not hold "
            "on. \"Somebody has to go down,\" said {e.intro}."
            "|They needed somebody who was light and not afraid. \"I am light,\" said {h}. \"And "
            "I will see about the rest.\"]",
            "[{h} looked into the black hole. It smelled of moss, and it had no end. {His} heart "
            "knocked. But {f.n}'s singing had become very quiet. \"I will do it,\" said {h}, and "
            "climbed into the bucket."
            "|{h} was more afraid of the dark than of anything else. \"Then I will shut my "
            "eyes,\" {he} said, \"and it will be just the same dark as at home in my bed.\""
            "|\"Do not look down,\" said the others. But in a well there is nothing else to look "
            "at. {H} held on to the rope until {his} fingers were white.]",
            "[The rope creaked. Down {he} went, down and down. The sky became a plate, and then a "
            "coin. \"Not far now,\" {h} told {himself}, and began to sing along."
            "|Round and round turned the bucket. A [frog|toad] looked out of a crack in the wall. "
            "\"Going down?\" it asked. \"Going down,\" said {h}."
            "|It grew colder and darker. The voices above became a murmur. \"{F.call}?\" said "
            "{h}. \"Keep talking, so that I know where you are.\" \"What shall I say?\" "
            "\"Anything. What did you have for breakfast?\"]",
            "[Then {he} felt two cold hands. \"You came,\" whispered {f}. {H} tied the rope "
            "around both of them. \"Pull!\" {he} shouted, and from far away a voice answered, "
            "\"We are pulling!\""
            "|{h} pulled {f} into the bucket and held {f.him} tight. \"Now think of something "
            "nice,\" said {h}. \"Pancakes,\" said {f}, and {f.his} teeth chattered. \"Pancakes,\" "
            "agreed {h}."
            "|At the bottom the water came up to {f.n}'s chest. \"Two eggs,\" said {f}, and "
            "sobbed. {H} put {his} own coat around {f.him} and knotted the rope twice. \"Hold on "
            "to me,\" {he} said. \"We are going home.\"]",
            "[The coin became a plate, and the plate became a sky. When their heads came over the "
            "edge, everyone clapped and laughed, and somebody really did go home to make pancakes."
            "|Never had the daylight been so bright. The next day they put a lid on the well, and "
            "on the lid {h} painted a pair of eyes and a song."
            "|Many hands pulled them over the edge. They were wrapped in blankets, one big parcel "
            "with two heads. \"And toast,\" said {f}. \"I had forgotten the toast.\"]",
        },
    },
    {
        .name = "pirate_island",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_FRIENDS,
        .about = "[pirates"
            "|a ship and an island"
            "|an adventure at sea]",
        .who = "[who sails across the sea"
            "|who meets pirates"
            "|who goes to sea]",
        .title = "[{h.T} and the Pirates"
            "|The Island in the Sea"
            "|A Ship of Their Own]",
        .brief =
            "{h.first} and {f.intro} sailed to an island in a washtub. There they met pirates who "
            "had lost their way and could not read their map. {H} read it for them, and the "
            "pirates took the two friends home and promised to steal no more.",
        .beats = {
            "[{h} wanted to see the sea. {oneday}, {he} and {f.intro} took a washtub, a bedsheet "
            "and a bag of apples, and they sailed away."
            "|{oneday}, {h} and {f.intro} were sitting in an old boat and pretended that they "
            "were sailing. Then the knot came loose, and they did not have to pretend any more."
            "|In the harbor lay a small boat that belonged to nobody. \"Now it belongs to us,\" "
            "said {h} to {f.intro}. They named it Sea Star and sailed out between the red buoys.]",
            "[For two days there was only water. They ate one apple in the morning and one in the "
            "evening. On the third day {f} shouted, \"Land!\" It was an island with one hill and "
            "three palm trees."
            "|The waves were like green hills. Up they went, and down they went. \"I feel like a "
            "yo-yo,\" groaned {f}. Then a dark line appeared, and the line became an island."
            "|The wind was good, and the sun was shining. Dolphins came to see who they were. In "
            "the evening an island rose out of the sea like the back of a whale.]",
            "[On the beach stood a black ship with a skull on its flag. \"Pirates!\" whispered "
            "{f}. They hid behind a rock. But {h} sneezed. A moment later, they were surrounded "
            "by seven wild men with beards."
            "|They were not alone there. Around a fire sat seven pirates. They had swords and "
            "earrings and very bad manners. \"Look what the sea has brought us,\" said the "
            "captain."
            "|They pulled the boat up on the sand. \"Stop!\" shouted a voice. \"This is our "
            "island!\" A pirate sat in a palm tree, and six more came out of the bushes. Their "
            "boots were full of holes.]",
            "[\"Shall we make them walk the plank?\" asked one. {F} trembled like a leaf. But {h} "
            "noticed something. The pirates did not look wild. They looked tired. \"Why are you "
            "so sad?\" {asked} {h}."
            "|\"What shall we do with you?\" growled the captain. {H} stood up very straight. "
            "\"You could offer us some soup,\" {he} said. The captain was so amazed that he did."
            "|\"What have you got in that bag?\" asked the captain. \"Apples,\" said {h}. "
            "\"Apples!\" cried the pirates. They had not seen an apple for a year. {H} gave one "
            "to each of them.]",
            "[The captain took off his hat. \"We have been here for a year,\" he said. \"We have "
            "a map, but none of us can read. We do not know the way home.\" And a tear ran into "
            "his beard."
            "|While they ate, the captain pulled out a map and held it upside down. \"We are "
            "lost,\" he said quietly. \"I have not seen my mother since spring.\" The other "
            "pirates sniffed."
            "|\"To tell you the truth,\" said the captain with his mouth full, \"we do not like "
            "it here. There is nothing but coconuts. But our map is upside down, and so we do not "
            "dare to leave.\"]",
            "[{h} could read. {He} turned the map around and put {his} finger on it. \"We are "
            "here,\" {he} said, \"and home is there. You only have to keep the sun on the left.\" "
            "The pirates cheered so loudly that a coconut fell down."
            "|\"I can read maps,\" said {h}, \"if you promise never to rob anybody again.\" The "
            "pirates whispered together. Then they threw their swords into the sea. Splash, "
            "splash, splash, seven times."
            "|{h} looked at the map and laughed. \"It is not upside down,\" {he} said. \"It is "
            "the wrong side! Turn it over.\" On the other side, as clear as day, was the way "
            "home.]",
            "[So {h} steered the black ship home, and {f} was allowed to sit in the lookout. In "
            "the harbor the mothers of the pirates were waiting, and they did not scold them for "
            "very long."
            "|They sailed all night under the stars. At the end the captain shook {h.n}'s hand. "
            "\"You are a real captain,\" he said. And instead of pirates, there are now seven "
            "very hairy bakers in that town."
            "|They made a long rope and pulled the little boat behind the big ship. {F} was "
            "allowed to steer, and {h} slept on a heap of sails. It was the best journey of their "
            "lives.]",
        },
    },
    {
        .name = "dragon_hiccups",
        .flags = WEIR_STORY_FUNNY,
        .about = "[hiccups"
            "|a dragon that has hiccups"
            "|curing the hiccups]",
        .who = "[who helps a dragon with hiccups"
            "|who meets a dragon]",
        .title = "[The Dragon with the Hiccups"
            "|{h.T} and the Dragon"
            "|Hic!]",
        .brief =
            "A dragon had the hiccups, and with each one a flame came out and burned something. "
            "{H.first} was not afraid and tried to help with water, with a fright and with a "
            "handstand. In the end a kiss on the nose did it, and the dragon laughed with joy.",
        .beats = {
            "[Hic! There was a flash behind the hill. Hic! A haystack was on fire. \"A dragon is "
            "coming to burn our village!\" cried the people, and ran into their cellars. Only {h} "
            "stayed."
            "|{oneday}, a dragon sat down in front of the village. \"Please excuse me,\" he said. "
            "Hic! A bush went up in flames. \"I do not mean to.\" Hic! There went the mayor's "
            "hat.]",
            "[{h} went up to him. \"What is the matter?\" {he} asked. \"I ate too fast,\" said "
            "the dragon, and he looked quite miserable. Hic! \"Now it will not stop.\" {H} jumped "
            "aside just in time."
            "|\"He is not bad,\" said {h}. \"He only has the hiccups.\" And {he} took a bucket of "
            "water and went to meet him.]",
            "[\"You have to drink water,\" said {h}. The dragon drank the bucket. He drank the "
            "well. He drank half of the pond. Hic! Now there was steam everywhere."
            "|First {he} told him to hold his breath. The dragon grew rounder and rounder, and "
            "rose into the air like a balloon. Hic! Down he came, right on the cabbage field.]",
            "[\"A good fright will help,\" said {f.intro}, who had crept out of the cellar. They "
            "hid behind a wall and shouted \"Boo!\" The dragon was so frightened that he hiccuped "
            "twice as fast."
            "|{F.intro} knew a trick, too. \"He must stand on his head,\" said {f}. It took "
            "twenty people to turn him over. Hic! Now the flames went into the ground, and all "
            "the potatoes were baked.]",
            "-"
            "[\"I will never have any friends,\" said the dragon, and a hot tear fell on the "
            "ground and hissed."
            "|By now everyone had a good idea. Sugar! Vinegar! A song! The dragon tried them all, "
            "very politely. Hic!]",
            "[{h} had only one idea left. {He} climbed up on a ladder, right up to the big green "
            "face, and kissed the dragon on the nose. Everyone held their breath. One second, two "
            "seconds, three seconds. Nothing."
            "|\"Nobody has ever stayed with me for so long,\" said the dragon. \"I like you,\" "
            "said {h}, and patted his nose. The dragon was so surprised that he forgot to hiccup.]",
            "[It was gone! The dragon laughed, and not a single spark came out. That evening they "
            "all ate baked potatoes, and he was allowed to light the lanterns, one after the "
            "other, very slowly."
            "|The dragon was so happy that he flew a loop. Then he mended the roofs, and in "
            "winter he warmed the whole school. And he never ate too fast again, or hardly ever.]",
        },
    },
    {
        .name = "bell_tower",
        .flags = WEIR_STORY_BRAVE,
        .not_hero = WEIR_STORY_BIG,
        .about = "[a warning"
            "|saving the village"
            "|a big bell]",
        .who = "[who warns the whole village"
            "|who rings the big bell"
            "|who saves the village]",
        .title = "[{h.T} Rings the Bell"
            "|The Big Bell"
            "|Wake Up!]",
        .brief =
            "At night {h.first} saw that the dam was about to break, and everybody was asleep. "
            "{He} ran up the tower and jumped on the rope of the big bell again and again. The "
            "people woke up and ran up the hill, and nobody was hurt.",
        .beats = {
            "[Above the village was a lake, and a dam held back the water. {oneday}, it rained, "
            "and it rained for nine days. On the ninth night {h} could not sleep."
            "|{h} often went for a walk when everybody else was asleep. One night, after a week "
            "of rain, {he} came past the dam. There was a strange noise. It sounded like somebody "
            "gargling."
            "|Nobody in the village noticed how high the water in the lake had risen. Only {h}, "
            "who could not sleep and was out in the rain, saw that it reached up to the top of "
            "the dam.]",
            "[{he} saw a crack in the dam. Water was running through it, first as thin as a "
            "thread, then as thick as a finger. \"If it breaks,\" thought {h}, \"the water will "
            "come down on everyone.\""
            "|A stone fell out of the wall, and then another. {H} understood at once. \"The dam "
            "is breaking!\" {he} {h.cried}. But the village lay there in the dark, and nobody "
            "heard {him}."
            "|Drip, went something at the foot of the wall. Then it was no longer a drip but a "
            "trickle. {H} put {his} hand on it. The whole wall trembled like a frightened animal.]",
            "[{he} ran down the hill and knocked on the first door. Nobody opened. They were all "
            "sleeping so deeply, and {his} hand was so small. There were a hundred doors, and "
            "there was no time."
            "|\"Wake up!\" {h} shouted in the street. The wind carried {his} voice away. A dog "
            "lifted its head and went back to sleep."
            "|{he} ran through the streets and shouted. But the rain was louder than {he} was. "
            "Behind the shutters everybody was sleeping, old and young.]",
            "[Then {he} saw the tower. The big bell! {H} ran up the stairs, round and round, "
            "until {he} had no breath left. There hung the rope, as thick as {his} arm. {He} "
            "pulled. The bell did not move."
            "|\"The bell,\" {he} thought. It was so big that it took three men to ring it, and it "
            "was rung only on feast days. {H} grabbed the rope with both hands and hung on it. "
            "Nothing happened."
            "|There was only one thing in the village that was louder than the rain. {H} looked "
            "up at the tower. {He} had never been up there alone. Then {he} ran.]",
            "[{he} climbed up on the window sill and jumped. Hanging on the rope, {he} went down, "
            "and slowly the rope went up again. {He} jumped once more. And once more. Dong, said "
            "the bell. DONG."
            "|\"I am too light,\" {he} sobbed. Then {he} filled {his} coat with stones, tied it "
            "to the rope, and jumped. Dong! It was only one little dong at first. But bells like "
            "to be rung, and soon this one could not stop."
            "|{he} threw {himself} at the rope, and it lifted {him} off the floor like a feather. "
            "But {he} did not let go. Up and down {he} flew, and at the third time the bell woke "
            "up. DONG!]",
            "[Windows lit up. \"Is there a fire?\" \"It is the dam!\" {h.cried} {h} from above. "
            "\"Up the hill! Everybody up the hill!\" And they ran in their nightshirts, with "
            "babies and hens in their arms."
            "|The whole village came running out. {E.intro} was the first to understand. \"Up the "
            "hill!\" {e.he} called, and counted them all, one by one."
            "|One light went on, and another. They came to their doors and rubbed their eyes. And "
            "then they heard it themselves, a deep rumble from above. \"Run!\" they shouted. "
            "\"Take the children and run!\"]",
            "[They had hardly reached the top when the water came. It washed away the fences and "
            "the benches. But all the people were there. And up on the tower somebody was still "
            "ringing. \"{He} can stop now,\" said {f.intro}, and went to get {him}."
            "|When the sun rose, the streets were full of mud. But nobody was missing. They "
            "rebuilt the dam, twice as thick. And on the big bell they carved a small picture. It "
            "was a picture of {h}."
            "|An hour later the dam broke. The water rushed through empty streets. Up on the "
            "hill, somebody began to count, and when they were all there, they put {h} on their "
            "shoulders.]",
        },
    },
    {
        .name = "under_the_bed",
        .flags = WEIR_STORY_BRAVE | WEIR_STORY_BEDTIME,
        .hero = WEIR_STORY_CHILD | WEIR_STORY_SMALL,
        .not_hero = WEIR_STORY_MAGIC | WEIR_STORY_ADULT,
        .about = "[a monster under the bed"
            "|being afraid at night"
            "|a scary noise that is a friend]",
        .who = "[who meets a monster under the bed"
            "|who thinks there is a monster under the bed]",
        .title = "[The Monster under the Bed"
            "|{h.T} and the Monster"
            "|Who Is There?]",
        .brief =
            "{h.first} heard something under {his} bed every night and did not dare to look. One "
            "night {he} heard it cry, and {he} bent down with a lamp. It was a tiny monster that "
            "was afraid of the dark, and {h} lifted it up and let it sleep on the pillow.",
        .beats = {
            "[Every night, when the light was out, {h} heard something under the bed. Scratch, "
            "scratch. {He} never let a foot hang over the edge."
            "|There was something under {h.n}'s bed. {He} had never seen it, but {he} knew it was "
            "there. It breathed.]",
            "[\"There are no monsters,\" said everybody. They looked under the bed in the "
            "daytime. Of course it was not there in the daytime."
            "|{h} had a plan. {He} built a wall of pillows. {He} put a bell on a string. {He} "
            "slept with {his} boots on, just in case.]",
            "[One night the sound was different. Sniff, it went. Sniff, sniff. {H} listened. "
            "Somebody was crying, very quietly, as if nobody was meant to hear it."
            "|Then came a night with thunder. At each clap, something under the bed said, "
            "\"Eek.\" {H} held {his} breath. Monsters do not say eek. Or do they?]",
            "[{h} was {feel.afraid}. But you cannot sleep while somebody is crying. {He} took "
            "{his} lamp, hung {his} head over the edge, and looked."
            "|\"Hello?\" whispered {h}. \"Who is there?\" For a long time there was silence. Then "
            "a very small voice answered: \"Nobody.\"]",
            "[There sat a monster. It was blue, and no bigger than a loaf of bread. It had put "
            "its paws over its eyes. \"Please go away,\" it said. \"I am afraid of the one on top "
            "of the bed.\""
            "|In the farthest corner sat a little furry thing with three eyes, and there were "
            "tears in all of them. \"It is so dark down here,\" it said, \"and up there lives "
            "something huge that wears boots.\"]",
            "[\"But that is me!\" said {h}, and {he} had to laugh. The monster looked through its "
            "paws. \"You are not very terrible,\" it said. \"Neither are you,\" said {h}. \"Come "
            "up. It is warm here.\""
            "|\"That is only me,\" said {h}. {He} took off {his} boots. \"See?\" The monster came "
            "a little closer. \"May I come up?\" it asked. \"Just until it gets light?\"]",
            "[So {h} lifted it up, and it rolled itself into a ball on the pillow and began to "
            "purr. {H} put {his} arm around it. And one foot hung over the edge of the bed all "
            "night long. Good night."
            "|They talked for a while about what they were afraid of, and it got less and less. "
            "Then it was quiet. Outside the rain fell softly, and under the bed there was nothing "
            "at all.]",
        },
    },
    {
        .name = "hundredth_sheep",
        .flags = WEIR_STORY_BRAVE,
        .not_hero = WEIR_STORY_TINY,
        .weather = WEIR_STORY_SNOW | WEIR_STORY_WIND,
        .about = "[a lost lamb in a storm"
            "|a shepherd and a storm"
            "|finding somebody in the snow]",
        .who = "[who looks for a lost lamb"
            "|who goes out into the storm to find somebody]",
        .title = "[The Hundredth Sheep"
            "|{h.T} and the Lost Lamb"
            "|One Is Missing]",
        .brief =
            "{E.intro} counted the sheep in the evening, and one little lamb was missing. "
            "{H.first} went out into the storm to look for it and found it {p.spot}. {He} carried "
            "it home under {his} coat, and in the morning the sun was shining.",
        .beats = {
            "[{h} helped {e.intro} look after the sheep. Every evening {he} counted them. "
            "\"Ninety-seven, ninety-eight, ninety-nine.\" {H} stopped. There should have been one "
            "hundred."
            "|{W.line} {E.intro} brought the sheep home. \"One is missing,\" {e.he} said, \"the "
            "littlest one, the one with the black ear.\" {H} knew it well. It had often eaten out "
            "of {his} hand."
            "|A wind was coming up, and the sheep pushed through the gate. {E.intro} counted with "
            "one finger, and {h} counted along. They looked at each other. \"Ninety-nine,\" they "
            "both said.]",
            "[\"We still have ninety-nine,\" said somebody. \"Who would go out in this weather "
            "for a single lamb?\" {H} looked out of the window. It was getting dark."
            "|The storm shook the door. \"I am too old,\" said {e}, \"and my eyes are bad. We can "
            "only hope.\" But {h} was already putting on {his} boots."
            "|\"Perhaps it will find the way by itself,\" said {e}. But {h} knew how small it "
            "was. It was born only in spring, and it had never seen a storm.]",
            "[\"I will go,\" said {h}. {He} took a stick, a lamp, and a piece of bread. The wind "
            "almost pulled the door out of {his} hand."
            "|\"It is afraid out there,\" said {h}. \"I would be.\" And {he} went out, with {his} "
            "collar turned up."
            "|{h} took the lantern from the hook. \"You are only {h.a},\" said somebody. \"And it "
            "is only a lamb,\" said {h}. \"We will understand each other.\"]",
            ">"
            "[{he} called its name, and the wind blew the name back into {his} mouth. {He} went "
            "{p.to}, and past the big stones, and farther than {he} had ever gone alone."
            "|There were no tracks any more. {H} stood still and listened, as you listen for a "
            "pin that falls. Wind. Wind. And then, very faintly: \"Baa.\""
            "|The lantern went out at the first corner. {H} went on without it, with {his} hands "
            "stretched out. {He} called and listened, called and listened.]",
            "[{P.spot} {he} found it. It had one leg caught between two stones, and it was so "
            "cold that it could not even tremble. \"I have got you,\" said {h}."
            "|There it was, {p.spot}, a small white heap. Only one black ear showed. {H} dug with "
            "both hands and breathed on it until it opened its eyes."
            "|{he} almost stepped on it. There it lay, {p.spot}, curled up like a cat. It did not "
            "even lift its head. \"Hello,\" said {h} softly. \"I have come to bring you home.\"]",
            "[{he} put it under {his} coat and buttoned the coat up to the top. Now they were "
            "two, and it was less lonely. {H} walked with the wind at {his} back. Two hearts were "
            "knocking under the coat."
            "|The way back was long. {H} gave it half of the bread. When {he} did not know which "
            "way to turn, the lamb knew it, and stretched out its head in that direction."
            "|It was heavier than {he} had thought. Every hundred steps {he} had to rest. \"One "
            "more hundred,\" {he} told the lamb each time. And the lamb said, \"Baa,\" as if it "
            "was counting, too.]",
            "[{E} stood in the door with a lantern and had called until {e.he} was hoarse. {E.he} "
            "did not say a word. {E.he} took them both in {e.his} arms, the one and the other."
            "|\"One hundred,\" said {h}, and fell asleep standing up. In the morning the lamb lay "
            "on {his} feet. And after that it followed {him} everywhere, even to [church|school]."
            "|In the window stood a light, and in the light stood {e}. {E} rubbed the lamb with "
            "straw, and {h} with a towel, and both of them got warm milk.]",
        },
    },
};
/* clang-format on */

const weir_story_plots weir_story_plots_brave = {plots, sizeof(plots) / sizeof(plots[0])};
